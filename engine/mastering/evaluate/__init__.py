"""Evaluation: known harm is done to good songs, methods repair it, and what is left is measured."""
