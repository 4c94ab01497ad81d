"""Packages of plugins to begin with: each is small, passes its own tests, and is ranked beside the baselines."""
