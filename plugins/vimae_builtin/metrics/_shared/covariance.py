"""Log determinants of sample covariances."""

from math import log

import torch


def compute_logdet_bias(n: int, d: int) -> float:
    """The bias E log det S - log det C of the sample covariance S of n Gaussian draws in d dimensions (Wishart)."""
    i = torch.arange(1, d + 1, dtype=torch.float64)
    return float((torch.digamma((n - i) / 2) - log((n - 1) / 2)).sum())
