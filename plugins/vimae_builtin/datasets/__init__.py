"""Data sets, one to a file."""
