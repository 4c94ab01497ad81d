"""Architectures, one to a file."""
