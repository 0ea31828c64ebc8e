"""One dock each, independent of one another."""
