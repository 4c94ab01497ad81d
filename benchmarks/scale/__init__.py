"""Measures the overhead of ten thousand simulated runs: `python benchmarks/scale`."""
