"""Procedural multitrack music: finished mixes without a music library."""
