"""Reading, writing, measuring and summarising audio."""
