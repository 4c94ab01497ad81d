"""Priors, one to a file."""
