"""What the machine does: audio, mastering and tasks, with no window."""
