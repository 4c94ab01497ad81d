"""What ten thousand runs cost beside their training: `python benchmarks/scale`."""
