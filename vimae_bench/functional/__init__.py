"""Pure functions of tensors and arrays."""

from .estimates import mean_estimate
from .frechet_distance import Moments, frechet_distance, frechet_estimate
from .mmd import KernelName, Statistic, kernel_matrix, median_bandwidth, mmd2, squared_distances
from .mutual_information import information_of_labels, mutual_information
from .reconstruction import squared_error

__all__ = [
    "KernelName",
    "Moments",
    "Statistic",
    "frechet_distance",
    "frechet_estimate",
    "information_of_labels",
    "kernel_matrix",
    "mean_estimate",
    "median_bandwidth",
    "mmd2",
    "mutual_information",
    "squared_distances",
    "squared_error",
]
