"""Executors, one to a file."""
