"""MLflow as a mirror of the results folder: made from the runs' files, and made again from them at any time."""
