"""One optimiser step, and the ways to compute it."""
