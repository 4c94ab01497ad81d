"""Objectives, one to a file."""
