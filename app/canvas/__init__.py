"""Things drawn from audio; they know nothing of sessions."""
