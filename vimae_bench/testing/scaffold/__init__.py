"""Plugin packages to start from: each is small, passes its own tests, and is ranked with existing methods."""
