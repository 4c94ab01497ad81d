"""Compares training speed with pythae and hand-written loops: `python benchmarks/speed`."""
