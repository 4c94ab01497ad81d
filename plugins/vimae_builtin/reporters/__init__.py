"""Reporters, one to a file."""
