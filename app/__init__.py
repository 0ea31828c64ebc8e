"""What a person sees: the audiobench window."""
