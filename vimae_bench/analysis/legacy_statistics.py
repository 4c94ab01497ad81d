"""Statistics over seeds: intervals of means, paired tests, power, ranks.

Values are paired by seed: under one seed, two methods start from the same weights and see the same batches.

Distributions come from `scipy.special`. `scipy.stats` is a reference in the tests only: importing it takes longer than
`vimae-bench leaderboard` takes altogether.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Interval = tuple[float, float]

ALPHA = 0.05
"""Two-sided error rate of a family of tests; one minus the coverage of an interval."""

RESAMPLES = 10_000
EXACT_UP_TO = 20
RANDOM_FLIPS = 2**17
BLOCK = 128, 2048
"""Comparisons and flips whose sums fit into the cache of one core."""
MIN_BOOTSTRAP = 10
"""The fewest seeds, or draws, for a bootstrap: with fewer its interval covers less than 95 %."""

POWER, MAX_SEEDS = 0.8, 1000
"""The power for which numbers of seeds are computed, and the largest number that is reported."""

PAIRED_T, SIGN_FLIP = "paired t test", "sign-flip test"


@dataclass(frozen=True)
class PairedTests:
    """A family of paired tests: the name of the test and the Holm-adjusted p-value of each comparison."""

    test: str
    p: Array


@dataclass(frozen=True)
class Shift:
    """The Hodges-Lehmann estimate of the difference between two methods; `interval` is None for too few seeds."""

    value: float
    interval: Interval | None


def confidence_interval(values: Sequence[float] | Array, per_draw: Array | None = None) -> Interval | None:
    """95 % interval of the mean over seeds; None for a single value.

    Student's t for fewer than ten values, a BCa bootstrap otherwise. If the values are means over draws that all seeds
    share, pass these as `per_draw` [seeds, draws]: with ten draws or more the interval also covers the variation
    between draws.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    if per_draw is not None and len(x) >= MIN_BOOTSTRAP and per_draw.shape[1] >= MIN_BOOTSTRAP and np.ptp(per_draw) > 0:
        return crossed_interval(per_draw)
    if np.ptp(x) == 0:
        return float(x[0]), float(x[0])
    return t_interval(x) if len(x) < MIN_BOOTSTRAP else bootstrap_interval(x)


def prediction_interval(values: Sequence[float] | Array) -> Interval | None:
    """95 % interval for the value of one further run: mean +- t * sd * sqrt(1 + 1/n). None for a single value."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    half = _t_quantile(len(x) - 1) * x.std(ddof=1) * sqrt(1 + 1 / len(x))
    return float(x.mean() - half), float(x.mean() + half)


def t_interval(x: Array) -> Interval:
    """Student's t interval of a mean at 95 %, for two values or more."""
    half = _t_quantile(len(x) - 1) * x.std(ddof=1) / sqrt(len(x))
    return float(x.mean() - half), float(x.mean() + half)


def bootstrap_interval(x: Array, resamples: int = RESAMPLES) -> Interval:
    """BCa bootstrap interval of a mean at 95 %. The same values always give the same interval.

    The nominal level is raised as Hesterberg (1411.5279) does for percentile intervals, since a plain bootstrap is
    too narrow by a factor of sqrt(1 - 1/n) and uses a normal quantile instead of Student's: at n = 10 it covers 90 %.
    """
    n = len(x)
    return bca_interval([x], sqrt(n / (n - 1)) * _t_quantile(n - 1), resamples)


def crossed_interval(table: Array, resamples: int = RESAMPLES) -> Interval:
    """BCa bootstrap interval at 95 % of the mean of a table [seeds, draws], where both are random samples.

    Seeds and draws are crossed: every seed has the same draws. Resampling draws within seeds would treat the effect of
    a draw on all seeds as noise that averages out; resampling rows and columns (Owen 2007, 0712.1111) counts the
    residual variance three times. So the means over draws and the effects of draws are resampled separately. The
    effects are shrunk to their own estimated variance, since the means already contain the residual. Both are scaled
    to their unbiased variance, and the nominal level is raised to that of Student's t at Satterthwaite's degrees of
    freedom.
    """
    n, m = table.shape
    seeds, draws = table.mean(1), table.mean(0) - table.mean()
    cells = table - seeds[:, None] - draws
    left_over = (cells**2).sum() / ((n - 1) * (m - 1))
    observed = draws.var(ddof=1)
    own = max(observed - left_over / n, 0.0)
    variances, degrees = np.array([seeds.var(ddof=1) / n, own / m]), np.array([n - 1, m - 1])
    if variances.sum() == 0:
        return float(seeds[0]), float(seeds[0])
    effective = variances.sum() ** 2 / (variances**2 / degrees).sum()
    samples = [table.mean() + (seeds - table.mean()) * sqrt(n / (n - 1))]
    if own > 0:
        samples.append(draws * sqrt(own / observed * m / (m - 1)))
    return bca_interval(samples, _t_quantile(effective), resamples)


def bca_interval(samples: Sequence[Array], quantile: float, resamples: int) -> Interval:
    """BCa interval of the sum of the samples' means, at the level whose two-sided normal quantile is `quantile`.

    Efron and Tibshirani 1993, equations 14.10, 14.14 and 15.36. Equal to `scipy.stats.bootstrap` and 40 times as fast,
    since a mean only needs to know how often each value is drawn, and tables of the same size share these counts.
    """
    counts = _draw_resamples(tuple(len(sample) for sample in samples), resamples)
    off = [(sample - sample.mean()) / len(sample) for sample in samples]
    drawn = sum(count @ u.astype(np.float32) for count, u in zip(counts, off, strict=True))
    rounding = 1e-5 * np.abs(drawn).max()
    below = np.count_nonzero(drawn < -rounding) + np.count_nonzero(drawn <= rounding)
    bias = special.ndtri(below / (2 * resamples))
    acceleration = sum((u**3).sum() for u in off) / 6 / sum((u**2).sum() for u in off) ** 1.5
    raised = bias + np.array([-quantile, quantile])
    levels = special.ndtr(bias + raised / (1 - acceleration * raised))
    low, high = sum(sample.mean() for sample in samples) + np.quantile(drawn, levels)
    return float(low), float(high)


@lru_cache(maxsize=4)
def _draw_resamples(sizes: tuple[int, ...], resamples: int) -> list[NDArray[np.float32]]:
    """Counts [resamples, n] of each value in resamples of samples of these sizes, always the same.

    In float32, since most of the time is spent on reading them from memory.
    """
    generator = np.random.default_rng(0)
    return [_count_draws(generator.integers(n, size=(resamples, n)), n) for n in sizes]


def _count_draws(drawn: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    """How often each row of `drawn` [resamples, n] contains each of the numbers below n."""
    places = drawn + n * np.arange(len(drawn))[:, None]
    return np.bincount(places.ravel(), minlength=n * len(drawn)).reshape(-1, n).astype(np.float32)


def sign_flip_p_value(differences: Array) -> float:
    """Two-sided p-value of the sign-flip permutation test that paired differences [n] are symmetric about 0.

    Exact up to 20 differences, otherwise from 131,072 random flips and the identity.
    """
    return float(sign_flip_p_values(differences[None])[0])


def sign_flip_p_values(differences: Array, enough: float = 1.0) -> Array:
    """The p-value of `sign_flip_p_value` for each row of paired differences [comparisons, n].

    A p-value of `enough` or more is a lower bound: counting stops there.
    """
    observed = np.abs(differences.sum(1)) - 1e-12 * np.abs(differences).sum(1)
    if differences.shape[1] <= EXACT_UP_TO:
        return np.array(
            [_exact_sign_flip_p_value(row, least) for row, least in zip(differences, observed, strict=True)]
        )
    return (1 + _count_random_flips(differences, observed, enough * (1 + RANDOM_FLIPS))) / (1 + RANDOM_FLIPS)


def _exact_sign_flip_p_value(differences: Array, least: float) -> float:
    """The share of all sign flips whose |sum| is at least `least`, by combining the sums of two halves.

    The first sign is fixed, since flipping all signs leaves |sum| unchanged.
    """
    half = (len(differences) + 1) // 2
    one, other = (
        _sum_all_flips(differences[:half], differences[:1]),
        np.sort(_sum_all_flips(differences[half:], np.zeros(1))),
    )
    above = len(other) - np.searchsorted(other, least - one, "left")
    below = np.searchsorted(other, -least - one, "right")
    reached = np.where(least > 0, above + below, len(other))
    return float(reached.sum() / (len(one) * len(other)))


def _sum_all_flips(differences: Array, first: Array) -> Array:
    """The sums under all sign flips; the first sign is fixed if `first` is the first difference itself."""
    sums = first
    for d in differences[1:] if first.any() else differences:
        sums = np.concatenate([sums + d, sums - d])
    return sums


def _count_random_flips(differences: Array, observed: Array, most: float) -> NDArray[np.int64]:
    """For each row, the number of random flips whose |sum| is at least `observed`, counted up to `most`."""
    signs, distance = _draw_flips(differences.shape[1])
    last, counts = (
        np.searchsorted(distance, _max_minority_signs(differences), "right"),
        np.zeros(len(differences), np.int64),
    )
    live = np.arange(len(differences))
    for start in range(0, RANDOM_FLIPS, BLOCK[1]):
        flips = signs[:, start : start + BLOCK[1]].astype(np.float64)
        live = live[(last[live] > start) & (counts[live] < most)]
        for first in range(0, len(live), BLOCK[0]):
            part = live[first : first + BLOCK[0]]
            sums = differences[part] @ flips
            counts[part] += np.count_nonzero(np.abs(sums, out=sums) >= observed[part, None], axis=1)
    return counts


@lru_cache(maxsize=2)
def _draw_flips(n: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Random signs [n, flips], always the same, sorted by the number of minority signs; and that number."""
    generator = np.random.default_rng(0)
    signs = np.stack([generator.choice(np.array([-1, 1], np.int8), RANDOM_FLIPS) for _ in range(n)])
    positive = (signs > 0).sum(0)
    fewer = np.minimum(positive, n - positive)
    order = np.argsort(fewer, kind="stable")
    return signs[:, order], fewer[order]


def _max_minority_signs(differences: Array) -> NDArray[np.int64]:
    """For each row, the largest number of minority signs in a flip whose |sum| is not less than the observed one.

    Let q differences have the opposite sign of the sum, and t be the sum of their sizes. A flip reaches the observed
    sum only if the sizes that it turns (or leaves) sum to t at most. The number of smallest sizes for which this
    holds, plus q, bounds its minority signs.
    """
    upright = differences * np.where(differences.sum(1) < 0, -1, 1)[:, None]
    against = upright < 0
    left = np.where(against, -upright, 0).sum(1) + 1e-9 * np.abs(upright).sum(1)
    smallest = np.cumsum(np.sort(np.abs(upright), axis=1), axis=1)
    return (smallest <= left[:, None]).sum(1) + against.sum(1)


def paired_t_p_value(differences: Array) -> float:
    """Two-sided p-value of the paired t test of differences [n].

    That of the sign-flip test if the differences are all equal: three equal differences between rounded accuracies
    would otherwise give p = 0.
    """
    if _is_constant(differences):
        return sign_flip_p_value(differences)
    return 2 * min(_one_sided_p_value(differences, 0.0), _one_sided_p_value(-differences, 0.0))


def run_paired_test(differences: Array, comparisons: int = 1) -> tuple[str, float]:
    """Test paired differences [n] against 0; returns the name of the test and its unadjusted p-value.

    The sign-flip test if it can reach 5 % after Holm's adjustment for this number of comparisons, otherwise the
    paired t test.
    """
    if _can_use_sign_flip(len(differences), comparisons):
        return SIGN_FLIP, sign_flip_p_value(differences)
    return PAIRED_T, paired_t_p_value(differences)


def run_paired_tests(differences: Array, enough: float = 1.0) -> PairedTests:
    """Test each row of paired differences [comparisons, seeds] against 0, Holm-adjusted over the rows.

    P-values of `enough` or more are lower bounds.
    """
    if _can_use_sign_flip(differences.shape[1], len(differences)):
        return PairedTests(SIGN_FLIP, adjust_holm(sign_flip_p_values(differences, enough)))
    return PairedTests(PAIRED_T, adjust_holm([paired_t_p_value(row) for row in differences]))


def _can_use_sign_flip(seeds: int, comparisons: int) -> bool:
    """Whether a sign-flip test can reach 5 % after Holm's adjustment."""
    return comparisons * 2 / 2**seeds <= ALPHA


def adjust_holm(p: Sequence[float] | Array) -> Array:
    """P-values adjusted by Holm's step-down method (1979), which controls the family-wise error rate."""
    raw = np.asarray(p, dtype=np.float64)
    order, m = np.argsort(raw), len(raw)
    stepped = np.maximum.accumulate(raw[order] * (m - np.arange(m)))
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def estimate_shift(differences: Array) -> Shift:
    """Hodges-Lehmann estimate of the shift of n paired differences: the median of their pairwise means.

    The interval inverts the signed-rank test and covers at least 95 %; it needs six differences.
    """
    n = len(differences)
    first, second = np.triu_indices(n)
    means = np.sort((differences[first] + differences[second]) / 2)
    below = np.cumsum(_signed_rank_probabilities(n)) <= ALPHA / 2
    cut = int(below.sum())
    bounds = (float(means[cut - 1]), float(means[len(means) - cut])) if cut else None
    return Shift(float(np.median(means)), bounds)


def equivalence_p_value(differences: Array, margin: float) -> float:
    """P-value of two one-sided paired t tests (TOST), small if the mean of n differences lies within +-margin.

    If the differences are all equal: 2^-n, the p-value of the one-sided sign-flip test.
    """
    if _is_constant(differences):
        return 0.5 ** len(differences) if abs(differences[0]) < margin else 1.0
    return max(_one_sided_p_value(differences, -margin), _one_sided_p_value(-differences, -margin))


def seeds_to_detect(effect: float, sd: float, alpha: float = ALPHA) -> int | None:
    """The smallest n for which a two-sided paired t test at level `alpha` detects a mean difference with 80 % power.

    `effect` is the mean of the paired differences, `sd` their standard deviation. None if 1,000 are not enough.
    """

    def power(n: int) -> float:
        # A significant difference of the wrong sign does not count as a detection.
        cut = special.stdtrit(n - 1, 1 - alpha / 2)
        return float(1 - special.nctdtr(n - 1, abs(effect) * sqrt(n) / sd, cut))

    return _search_seeds(power) if sd > 0 and effect else None


def seeds_for_equivalence(effect: float, sd: float, margin: float, alpha: float = ALPHA) -> int | None:
    """The smallest n for which two one-sided tests at level `alpha` show equivalence within +-margin with 80 % power.

    Arguments as in `seeds_to_detect`. None if 1,000 are not enough or the effect exceeds the margin.
    """
    if not sd > 0 or abs(effect) >= margin:
        return None
    return _search_seeds(lambda n: equivalence_power(effect, sd / sqrt(n), n - 1, margin, alpha))


def equivalence_power(effect: float, se: float, degrees: int, margin: float, alpha: float = ALPHA) -> float:
    """P(two one-sided t tests both reject) for an estimate with mean `effect` and true standard error `se`.

    Exact up to the midpoint rule over the distribution of the estimated standard error.
    """
    shares = (np.arange(1000) + 0.5) / 1000
    scale = np.sqrt(special.chdtri(degrees, shares) / degrees)  # estimated over true standard error
    half = margin / se - special.stdtrit(degrees, 1 - alpha) * scale
    within = special.ndtr(half - effect / se) - special.ndtr(-half - effect / se)
    return float(np.where(half > 0, within, 0.0).mean())


def _search_seeds(power: Callable[[int], float]) -> int | None:
    """The smallest number of seeds with enough power, which grows with the number of seeds."""
    low, high = 1, 2
    while power(high) < POWER:  # from below, since far beyond the answer the noncentral t distribution is NaN
        if high == MAX_SEEDS:
            return None
        low, high = high, min(2 * high, MAX_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def win_rate(differences: Array) -> float:
    """P(A beats B): the share of seeds whose difference A - B is positive, ties counting half (Bouthillier 2021)."""
    return float(np.mean((differences > 0) + 0.5 * (differences == 0)))


def letter_display(different: NDArray[np.bool_]) -> list[str]:
    """Compact letter display of k methods: two share a letter if and only if they are not `different` [k, k].

    By insertion and absorption (Piepho 2004). Letters are assigned in the order of the methods.
    """
    groups = [frozenset(range(len(different)))]
    for i, j in np.argwhere(np.triu(different)):
        split = [g - {k} for g in groups if {i, j} <= g for k in (i, j)] + [g for g in groups if not {i, j} <= g]
        groups = [g for g in dict.fromkeys(split) if not any(g < other for other in split)]
    groups.sort(key=sorted)
    return ["".join(_format_letter(number) for number, g in enumerate(groups) if i in g) for i in range(len(different))]


def rank_intervals(values: Array, resamples: int = RESAMPLES) -> list[tuple[int, int]]:
    """95 % bootstrap interval of each method's rank, 1 for the lowest mean, from values [methods, seeds].

    Seeds are resampled for all methods together, since they are paired.
    """
    (counts,) = _draw_resamples((values.shape[1],), resamples)
    methods, place = np.unique(
        values, axis=0, return_inverse=True
    )  # so that equal methods stay equal whatever the order of summation
    sums = (methods @ counts.T)[place.ravel()]
    better = np.stack([np.count_nonzero(sums < own, axis=0) for own in sums])
    shares = np.stack([np.bincount(row, minlength=len(sums)) for row in better]).cumsum(1) / resamples
    ends = [(shares < quantile - 1e-12).sum(1) + 1 for quantile in (ALPHA / 2, 1 - ALPHA / 2)]
    return [(int(low), int(high)) for low, high in zip(*ends, strict=True)]


def _signed_rank_probabilities(n: int) -> Array:
    """P(W = w) of Wilcoxon's signed-rank statistic for n differences, w = 0 .. n(n+1)/2."""
    probabilities = np.ones(1)
    for rank in range(1, n + 1):
        probabilities = (np.pad(probabilities, (0, rank)) + np.pad(probabilities, (rank, 0))) / 2
    return probabilities


def _one_sided_p_value(x: Array, mean: float) -> float:
    """P-value of the one-sided t test that the expectation of x [n] is greater than `mean`."""
    t = (x.mean() - mean) / (x.std(ddof=1) / sqrt(len(x)))
    return float(special.stdtr(len(x) - 1, -t))


def _t_quantile(degrees: float) -> float:
    """The quantile of Student's t distribution for a two-sided interval at 95 %."""
    return float(special.stdtrit(degrees, 1 - ALPHA / 2))


def _is_constant(x: Array) -> bool:
    """Whether values are equal up to rounding."""
    return bool(np.ptp(x) <= 1e-9 * np.abs(x).max())


def _format_letter(number: int) -> str:
    """The letters a to z, then again with a prime."""
    return chr(ord("a") + number % 26) + "'" * (number // 26)
