"""The results folder and caches on disk: atomic writes, run folders, verification."""
