"""Estimates from values of images and draws, with their standard errors."""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from ..core.results import Estimate

LEAST_SHARE = 0.25
"""The variance of a U-statistic is never estimated to be less than this share of its part of second order."""
LEAST_POINTS = 20
"""With fewer points than this the standard error of a U-statistic is not known."""


def estimate_mean(x: Tensor) -> Estimate:
    """The mean of n independent values x [n] in float64, with its standard error sd / sqrt(n); none for one value."""
    x = x.double()
    se = float(x.std() / len(x) ** 0.5) if len(x) > 1 else None
    return Estimate(float(x.mean()), len(x), se)


def estimate_crossed_mean(x: Tensor) -> Estimate:
    """The mean of values x [draws, n], of which every draw meets the same n images.

    The standard error is that of fresh draws and fresh images, the two being crossed: the sum of the mean squares of
    draws and of images less that of what both leave, divided by the number of values (Searle, Casella and McCulloch,
    Variance Components, 1992, chapter 4). There is none for a single draw or a single image, which tell nothing of the
    other component. `per_draw` are the means of the draws.
    """
    x = x.double()
    draws, n = x.shape
    by_draw, by_image = x.mean(1), x.mean(0)
    mean, per_draw = float(x.mean()), tuple(by_draw.tolist())
    if n == 1 or draws == 1:
        return Estimate(mean, n, None, per_draw)
    rest = float((x - by_draw[:, None] - by_image + mean).square().sum()) / ((draws - 1) * (n - 1))
    squares = n * float(by_draw.var()) + draws * float(by_image.var())
    # Of few images or draws the difference can be negative, while values do vary.
    return Estimate(mean, n, sqrt(max(squares - rest, rest / 4) / x.numel()), per_draw)


def estimate_from_draws(values: Sequence[float], n: int) -> Estimate:
    """The mean of the values of independent draws of n items each, with the standard error that their spread gives."""
    mean = estimate_mean(torch.tensor(values, dtype=torch.float64))
    return Estimate(mean.value, n, mean.se, tuple(values))


def estimate_u_statistic_error(row_sums: Tensor, sum_of_squares: float) -> float | None:
    """The standard error of U = sum_ij h(x_i, x_j) / (n(n-1)), i != j, for independent points and a symmetric h.

    `row_sums` [n] are sum_j h(x_i, x_j), `sum_of_squares` is sum_ij h(x_i, x_j)^2, without pairs of a point with
    itself. The variance is U^2 less the unbiased estimate of (E h)^2, the mean over all pairs of pairs without a point
    in common, and so unbiased for every n (Hoeffding, Annals of Mathematical Statistics 19, 1948). Where U is nearly
    degenerate, as the MMD^2 of equal distributions, this can come out negative; it is kept above a quarter of the
    variance that it would have if it were degenerate. None for fewer than 20 points.
    """
    r, n = row_sums.double(), len(row_sums)
    if n < LEAST_POINTS:
        return None
    total, squares = float(r.sum()), float(r.square().sum())
    pairs = n * (n - 1)
    apart = (total**2 - 4 * squares + 2 * sum_of_squares) / (pairs * (n - 2) * (n - 3))
    degenerate = 2 * (sum_of_squares / pairs - apart) / pairs
    return sqrt(max((total / pairs) ** 2 - apart, LEAST_SHARE * degenerate, 0.0))
