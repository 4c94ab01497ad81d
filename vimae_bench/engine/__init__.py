"""One run: its data, its training, its measures, its record."""
