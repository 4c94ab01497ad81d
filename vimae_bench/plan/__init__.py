"""From a benchmark file to the matrix of runs. Nothing here needs torch, unless a plugin changed since last time."""
