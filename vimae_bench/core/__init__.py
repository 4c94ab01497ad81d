"""Plain frozen data, errors and seeds: no torch and no files."""
