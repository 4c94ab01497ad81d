"""Divergences, one to a file."""
