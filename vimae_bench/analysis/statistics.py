"""What may be said of per-seed means: intervals, paired tests over seeds, shared ranks.

Seeds are paired: under one seed two methods start from the same weights and see the same batches.
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
"""Two-sided error of a family of tests, and one minus the coverage of an interval."""

RESAMPLES = 10_000
EXACT_UP_TO = 20
RANDOM_FLIPS = 2**17
BLOCK = 128, 2048
"""Comparisons and flips whose sums fit a core's cache."""
FEW = 10
"""Below this number of seeds, or of draws, a bootstrap covers too little, and is not used."""

POWER, MOST = 0.8, 1000
"""The power that decides how many seeds are enough, and the number beyond which none is named."""

PAIRED_T, SIGN_FLIP = "paired t test", "sign-flip test"


@dataclass(frozen=True)
class Family:
    """Paired tests made together: which test, and the Holm-adjusted p-value of each comparison."""

    test: str
    p: Array


@dataclass(frozen=True)
class Shift:
    """By how much one method differs from another: the Hodges-Lehmann estimate, its interval where there is one."""

    value: float
    interval: Interval | None


def interval(values: Sequence[float] | Array, parts: Array | None = None) -> Interval | None:
    """95 % interval of the mean over seeds: Student's t below ten values, a bootstrap from ten; none for one value.

    Where the values are means over draws that all seeds share, `parts` [seeds, draws] are those behind them: from ten
    draws on, the interval then covers what the mean would be with other draws, too.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    if parts is not None and len(x) >= FEW and parts.shape[1] >= FEW and np.ptp(parts) > 0:
        return crossed_interval(parts)
    if np.ptp(x) == 0:
        return float(x[0]), float(x[0])
    return t_interval(x) if len(x) < FEW else bootstrap_interval(x)


def prediction_interval(values: Sequence[float] | Array) -> Interval | None:
    """95 % interval for the value of one further run, mean +- t sd sqrt(1 + 1/n); None for a single value."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    half = _t_quantile(len(x) - 1) * x.std(ddof=1) * sqrt(1 + 1 / len(x))
    return float(x.mean() - half), float(x.mean() + half)


def t_interval(x: Array) -> Interval:
    """Student's t interval of a mean at 95 %, for n >= 2 values."""
    half = _t_quantile(len(x) - 1) * x.std(ddof=1) / sqrt(len(x))
    return float(x.mean() - half), float(x.mean() + half)


def bootstrap_interval(x: Array, resamples: int = RESAMPLES) -> Interval:
    """BCa bootstrap interval of a mean at 95 %, from a generator of its own, so that a table never changes.

    The nominal level is raised as Hesterberg (1411.5279) does for percentile intervals, since a plain bootstrap is
    too narrow by sqrt(1 - 1/n) and by a normal quantile in the place of Student's: at n = 10 it covers 90 %.
    """
    n = len(x)
    return _bca([x], sqrt(n / (n - 1)) * _t_quantile(n - 1), resamples)


def crossed_interval(table: Array, resamples: int = RESAMPLES) -> Interval:
    """BCa bootstrap interval at 95 % of the mean of a table [seeds, draws], both of which are samples.

    Seeds and draws are crossed: every seed meets the same draws. Resampling draws within seeds would take what a draw
    does to all seeds for noise that averages out over them; resampling both sides of the table (Owen 2007, 0712.1111)
    counts what is left over in a cell three times. So the means over draws and the effects of draws are resampled
    apart, the latter shrunk to their own estimated variance, as the former hold the cells' share already. Both are
    scaled to their unbiased variance, and the nominal level is raised to that of Student's t at Satterthwaite's degrees
    of freedom.
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
    return _bca(samples, _t_quantile(effective), resamples)


def _bca(samples: Sequence[Array], quantile: float, resamples: int) -> Interval:
    """BCa interval of the sum of the samples' means, at the level at which a normal law has this two-sided quantile.

    Efron and Tibshirani 1993, equations 14.10, 14.14 and 15.36: `scipy.stats.bootstrap` in a fortieth of its time, as a
    mean wants only how often each value is drawn, and tables of the same seeds share that.
    """
    counts = _resamples(tuple(len(sample) for sample in samples), resamples)
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
def _resamples(sizes: tuple[int, ...], resamples: int) -> list[NDArray[np.float32]]:
    """How often [resamples, n] resamples of samples of these sizes hold each value, the same ones every time.

    In float32, since most of the time goes into reading them from memory.
    """
    generator = np.random.default_rng(0)
    return [_counts(generator.integers(n, size=(resamples, n)), n) for n in sizes]


def _counts(drawn: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    """How often each row drawn [resamples, n] holds each of the numbers below n."""
    places = drawn + n * np.arange(len(drawn))[:, None]
    return np.bincount(places.ravel(), minlength=n * len(drawn)).reshape(-1, n).astype(np.float32)


def sign_flip(differences: Array) -> float:
    """Two-sided p-value of the sign-flip permutation test that paired differences [n] are symmetric about 0.

    Exact up to 20 differences, by 131,072 random flips (the identity counted in) beyond.
    """
    return float(sign_flips(differences[None])[0])


def sign_flips(differences: Array, enough: float = 1.0) -> Array:
    """The p-value of `sign_flip` for each row of paired differences [comparisons, n].

    One that is found to be at least `enough` need not be the last word: it may be larger still.
    """
    observed = np.abs(differences.sum(1)) - 1e-12 * np.abs(differences).sum(1)
    if differences.shape[1] <= EXACT_UP_TO:
        return np.array([_exact(row, least) for row, least in zip(differences, observed, strict=True)])
    return (1 + _random(differences, observed, enough * (1 + RANDOM_FLIPS))) / (1 + RANDOM_FLIPS)


def _exact(differences: Array, least: float) -> float:
    """The share of all sign flips under which |sum| is at least `least`: the sums of one half meet those of the other.

    The first sign may stay, since a flip of all leaves |sum| as it is.
    """
    half = (len(differences) + 1) // 2
    one, other = _sums(differences[:half], differences[:1]), np.sort(_sums(differences[half:], np.zeros(1)))
    above = len(other) - np.searchsorted(other, least - one, "left")
    below = np.searchsorted(other, -least - one, "right")
    reached = np.where(least > 0, above + below, len(other))
    return float(reached.sum() / (len(one) * len(other)))


def _sums(differences: Array, first: Array) -> Array:
    """The sums under all sign flips, but that of `first` if it is the first difference itself."""
    sums = first
    for d in differences[1:] if first.any() else differences:
        sums = np.concatenate([sums + d, sums - d])
    return sums


def _random(differences: Array, observed: Array, most: float) -> NDArray[np.int64]:
    """How many of the random flips make |sum| of each row at least as large as `observed`, counted up to `most`."""
    signs, distance = _flips(differences.shape[1])
    last, counts = np.searchsorted(distance, _reach(differences), "right"), np.zeros(len(differences), np.int64)
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
def _flips(n: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The random signs [n, flips], the same every time, in the order of how few there are of one kind; that number."""
    generator = np.random.default_rng(0)
    signs = np.stack([generator.choice(np.array([-1, 1], np.int8), RANDOM_FLIPS) for _ in range(n)])
    positive = (signs > 0).sum(0)
    fewer = np.minimum(positive, n - positive)
    order = np.argsort(fewer, kind="stable")
    return signs[:, order], fewer[order]


def _reach(differences: Array) -> NDArray[np.int64]:
    """The most signs of one kind that are the fewer in a flip under which a row's |sum| is not less than it is.

    Of the q differences against the sum, let t be the sum of sizes. Another flip reaches the sum if what it turns of
    the sorted sizes, or leaves of them, sums to no more than t: so many, and q, is how far it may be from one sign.
    """
    upright = differences * np.where(differences.sum(1) < 0, -1, 1)[:, None]
    against = upright < 0
    left = np.where(against, -upright, 0).sum(1) + 1e-9 * np.abs(upright).sum(1)
    smallest = np.cumsum(np.sort(np.abs(upright), axis=1), axis=1)
    return (smallest <= left[:, None]).sum(1) + against.sum(1)


def paired_t(differences: Array) -> float:
    """Two-sided p-value of the paired t test; the sign-flip test's where the differences [n] do not vary at all.

    Then a t test would be certain on the strength of, say, three equal differences between rounded accuracies.
    """
    if _constant(differences):
        return sign_flip(differences)
    return 2 * min(_above(differences, 0.0), _above(-differences, 0.0))


def paired_test(differences: Array, comparisons: int = 1) -> tuple[str, float]:
    """Which test was made of paired differences [n] against 0, and its p-value before any adjustment.

    The exact sign-flip test where that can reach 5 % after Holm's adjustment for so many comparisons, the paired t test
    otherwise.
    """
    if _flippable(len(differences), comparisons):
        return SIGN_FLIP, sign_flip(differences)
    return PAIRED_T, paired_t(differences)


def paired_tests(differences: Array, enough: float = 1.0) -> Family:
    """Test each row of paired differences [comparisons, seeds] against 0, Holm-adjusted over the rows.

    P-values of `enough` and more are only known to be so.
    """
    if _flippable(differences.shape[1], len(differences)):
        return Family(SIGN_FLIP, holm(sign_flips(differences, enough)))
    return Family(PAIRED_T, holm([paired_t(row) for row in differences]))


def _flippable(seeds: int, comparisons: int) -> bool:
    """Whether a sign-flip test can reach 5 % after Holm's adjustment."""
    return comparisons * 2 / 2**seeds <= ALPHA


def holm(p: Sequence[float] | Array) -> Array:
    """P-values adjusted by Holm's step-down method (1979): the family's error stays below alpha."""
    raw = np.asarray(p, dtype=np.float64)
    order, m = np.argsort(raw), len(raw)
    stepped = np.maximum.accumulate(raw[order] * (m - np.arange(m)))
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def shift(differences: Array) -> Shift:
    """Hodges-Lehmann estimate of the shift of n paired differences: the median of their pairwise means.

    The interval inverts the signed-rank test at 95 % or a little more; fewer than six differences do not have one.
    """
    n = len(differences)
    first, second = np.triu_indices(n)
    means = np.sort((differences[first] + differences[second]) / 2)
    below = np.cumsum(_signed_rank_law(n)) <= ALPHA / 2
    cut = int(below.sum())
    bounds = (float(means[cut - 1]), float(means[len(means) - cut])) if cut else None
    return Shift(float(np.median(means)), bounds)


def equivalence(differences: Array, margin: float) -> float:
    """P-value of two one-sided paired t tests (TOST): small where the mean of n differences lies within +-margin.

    Where the differences do not vary at all: the one-sided sign-flip test's, 2^-n.
    """
    if _constant(differences):
        return 0.5 ** len(differences) if abs(differences[0]) < margin else 1.0
    return max(_above(differences, -margin), _above(-differences, -margin))


def seeds_to_show(effect: float, sd: float, alpha: float = ALPHA) -> int | None:
    """The least n with which a two-sided paired t test at `alpha` finds a mean difference with 80 % power.

    `effect` is the mean of the paired differences, `sd` their standard deviation. None beyond 1,000 seeds.
    """

    def power(n: int) -> float:
        # The other tail, a significant difference of the wrong sign, does not count as finding it.
        cut = special.stdtrit(n - 1, 1 - alpha / 2)
        return float(1 - special.nctdtr(n - 1, abs(effect) * sqrt(n) / sd, cut))

    return _least(power) if sd > 0 and effect else None


def seeds_to_equate(effect: float, sd: float, margin: float, alpha: float = ALPHA) -> int | None:
    """The least n with which two one-sided tests at `alpha` put a mean difference within +-margin with 80 % power.

    Arguments as in `seeds_to_show`. None beyond 1,000 seeds, and where the effect itself lies outside.
    """
    if not sd > 0 or abs(effect) >= margin:
        return None
    return _least(lambda n: equivalence_power(effect, sd / sqrt(n), n - 1, margin, alpha))


def equivalence_power(effect: float, se: float, degrees: int, margin: float, alpha: float = ALPHA) -> float:
    """P(two one-sided t tests both reject) for an estimate with mean `effect` and true standard error `se`.

    Exact up to the midpoint rule over the law of the estimated standard error.
    """
    shares = (np.arange(1000) + 0.5) / 1000
    scale = np.sqrt(special.chdtri(degrees, shares) / degrees)  # estimated over true standard error
    half = margin / se - special.stdtrit(degrees, 1 - alpha) * scale
    within = special.ndtr(half - effect / se) - special.ndtr(-half - effect / se)
    return float(np.where(half > 0, within, 0.0).mean())


def _least(power: Callable[[int], float]) -> int | None:
    """The least number of seeds with enough power, which grows with it."""
    low, high = 1, 2
    while power(high) < POWER:  # upwards, as far beyond the answer the noncentral t law is not a number
        if high == MOST:
            return None
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def win_rate(differences: Array) -> float:
    """P(A beats B): the share of seeds whose difference A - B is positive, ties counted half (Bouthillier 2021)."""
    return float(np.mean((differences > 0) + 0.5 * (differences == 0)))


def letters(different: NDArray[np.bool_]) -> list[str]:
    """Compact letter display of k methods: two share a letter exactly if they are not `different` [k, k].

    Insert and absorb (Piepho 2004). Letters run in the order of the methods.
    """
    groups = [frozenset(range(len(different)))]
    for i, j in np.argwhere(np.triu(different)):
        parted = [g - {k} for g in groups if {i, j} <= g for k in (i, j)] + [g for g in groups if not {i, j} <= g]
        groups = [g for g in dict.fromkeys(parted) if not any(g < other for other in parted)]
    groups.sort(key=sorted)
    return ["".join(_letter(number) for number, g in enumerate(groups) if i in g) for i in range(len(different))]


def rank_intervals(values: Array, resamples: int = RESAMPLES) -> list[tuple[int, int]]:
    """95 % bootstrap interval of each method's rank, 1 for the lowest mean, from values [methods, seeds].

    Seeds are drawn for all methods together, as they are paired.
    """
    (counts,) = _resamples((values.shape[1],), resamples)
    methods, place = np.unique(values, axis=0, return_inverse=True)  # equal ones stay so, whatever the order of sums
    sums = (methods @ counts.T)[place.ravel()]
    better = np.stack([np.count_nonzero(sums < own, axis=0) for own in sums])
    shares = np.stack([np.bincount(row, minlength=len(sums)) for row in better]).cumsum(1) / resamples
    ends = [(shares < quantile - 1e-12).sum(1) + 1 for quantile in (ALPHA / 2, 1 - ALPHA / 2)]
    return [(int(low), int(high)) for low, high in zip(*ends, strict=True)]


def _signed_rank_law(n: int) -> Array:
    """P(W = w) of Wilcoxon's signed-rank statistic for n differences, w = 0 .. n(n+1)/2."""
    law = np.ones(1)
    for rank in range(1, n + 1):
        law = (np.pad(law, (0, rank)) + np.pad(law, (rank, 0))) / 2
    return law


def _above(x: Array, mean: float) -> float:
    """P-value of the one-sided t test that the mean behind x [n] lies above a given one."""
    t = (x.mean() - mean) / (x.std(ddof=1) / sqrt(len(x)))
    return float(special.stdtr(len(x) - 1, -t))


def _t_quantile(degrees: float) -> float:
    """The factor of Student's two-sided interval at 95 %."""
    return float(special.stdtrit(degrees, 1 - ALPHA / 2))


def _constant(x: Array) -> bool:
    """Whether values are equal up to rounding."""
    return bool(np.ptp(x) <= 1e-9 * np.abs(x).max())


def _letter(number: int) -> str:
    """The letters from a to z, then again with a prime."""
    return chr(ord("a") + number % 26) + "'" * (number // 26)
