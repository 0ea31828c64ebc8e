"""The session: what is open, how it changed and where it is kept (QtCore only)."""
