"""Pure functions of tensors and arrays."""

from .estimates import (
    estimate_crossed_mean,
    estimate_from_draws,
    estimate_mean,
    estimate_u_statistic_error,
)
from .frechet_distance import Moments, estimate_frechet_distance, frechet_distance
from .linear_svm import LinearSVM, fit_linear_svm
from .mmd import KernelName, Statistic, estimate_mmd2, kernel_matrix, median_bandwidth, mmd2, squared_distances
from .mutual_information import mutual_information_continuous, mutual_information_discrete
from .reconstruction import squared_error

__all__ = [
    "KernelName",
    "LinearSVM",
    "Moments",
    "Statistic",
    "estimate_crossed_mean",
    "estimate_frechet_distance",
    "estimate_from_draws",
    "estimate_mean",
    "estimate_mmd2",
    "estimate_u_statistic_error",
    "fit_linear_svm",
    "frechet_distance",
    "kernel_matrix",
    "median_bandwidth",
    "mmd2",
    "mutual_information_continuous",
    "mutual_information_discrete",
    "squared_distances",
    "squared_error",
]
