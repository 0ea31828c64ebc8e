"""The demo track: synthesised here, deliberately dull and quiet so that mastering is audible."""
