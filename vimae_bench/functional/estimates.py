"""Estimates from independent values."""

from torch import Tensor

from ..core.results import Estimate


def estimate_mean(x: Tensor) -> Estimate:
    """The mean of n independent values x [n] in float64, with its standard error sd / sqrt(n); none for one value."""
    x = x.double()
    se = float(x.std() / len(x) ** 0.5) if len(x) > 1 else None
    return Estimate(float(x.mean()), len(x), se)
