"""Generates the pages of docs/reference that come from the code: `python docs/pages`."""
