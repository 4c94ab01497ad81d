"""Pictures, one to a file."""
