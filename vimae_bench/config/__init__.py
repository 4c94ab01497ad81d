"""From a benchmark file to the matrix of runs."""
