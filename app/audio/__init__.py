"""Playback in a child process."""
