"""Training of the mastering models: what is learned from, and what is asked."""
