"""Built-in presets of benchmark files."""
