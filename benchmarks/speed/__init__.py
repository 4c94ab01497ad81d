"""How fast training is, side by side with what users would otherwise run: `python benchmarks/speed`."""
