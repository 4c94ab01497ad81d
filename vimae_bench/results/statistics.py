"""What may be said of per-seed means: intervals, paired tests over seeds, shared ranks.

Seeds are paired: under one seed two methods start from the same weights and see the same batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
FEW = 10
"""Below this number of seeds a bootstrap covers too little, and is not used."""

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


def interval(values: Sequence[float] | Array) -> Interval | None:
    """95 % interval of the mean over seeds: Student's t below ten values, a bootstrap from ten; none for one value."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    if np.ptp(x) == 0:
        return float(x[0]), float(x[0])
    return t_interval(x) if len(x) < FEW else bootstrap_interval(x)


def t_interval(x: Array) -> Interval:
    """Student's t interval of a mean at 95 %, for n >= 2 values."""
    half = _t_quantile(len(x) - 1) * x.std(ddof=1) / sqrt(len(x))
    return float(x.mean() - half), float(x.mean() + half)


def bootstrap_interval(x: Array, resamples: int = RESAMPLES) -> Interval:
    """BCa bootstrap interval of a mean at 95 %, from a generator of its own, so that a table never changes.

    The nominal level is raised as Hesterberg (1411.5279) does for percentile intervals, since a plain bootstrap is
    too narrow by sqrt(1 - 1/n) and by a normal quantile in the place of Student's: at n = 10 it covers 90 %.
    """
    from scipy import stats  # half a second to load, which tables of few seeds need not wait for

    n = len(x)
    level = float(1 - 2 * special.ndtr(-sqrt(n / (n - 1)) * _t_quantile(n - 1)))
    made = stats.bootstrap(
        (x,), np.mean, n_resamples=resamples, confidence_level=level, method="BCa", rng=np.random.default_rng(0)
    )
    return float(made.confidence_interval.low), float(made.confidence_interval.high)


def sign_flip(differences: Array) -> float:
    """Two-sided p-value of the sign-flip permutation test that paired differences [n] are symmetric about 0.

    Exact up to 20 differences, by 131,072 random flips (the identity counted in) beyond.
    """
    observed = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    if len(differences) <= EXACT_UP_TO:
        sums = differences[:1]
        for d in differences[1:]:  # the first sign may stay: a flip of all leaves |sum| as it is
            sums = np.concatenate([sums + d, sums - d])
        return float(np.mean(np.abs(sums) >= observed))
    generator, sums = np.random.default_rng(0), np.zeros(RANDOM_FLIPS)
    for d in differences:
        sums += d * generator.choice((-1.0, 1.0), RANDOM_FLIPS)
    return float((1 + np.sum(np.abs(sums) >= observed)) / (1 + RANDOM_FLIPS))


def paired_t(differences: Array) -> float:
    """Two-sided p-value of the paired t test; the sign-flip test's where the differences [n] do not vary at all.

    Then a t test would be certain on the strength of, say, three equal differences between rounded accuracies.
    """
    if _constant(differences):
        return sign_flip(differences)
    return 2 * min(_above(differences, 0.0), _above(-differences, 0.0))


def paired_tests(differences: Array) -> Family:
    """Test each row of paired differences [comparisons, seeds] against 0, Holm-adjusted over the rows.

    By the exact sign-flip test where that can reach 5 % after the adjustment, by the paired t test otherwise.
    """
    comparisons, seeds = differences.shape
    if comparisons * 2 / 2**seeds <= ALPHA:
        return Family(SIGN_FLIP, holm([sign_flip(row) for row in differences]))
    return Family(PAIRED_T, holm([paired_t(row) for row in differences]))


def holm(p: Sequence[float]) -> Array:
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
    generator = np.random.default_rng(0)
    seeds = generator.integers(values.shape[1], size=(resamples, values.shape[1]))
    means = values[:, seeds].mean(-1)
    ranks = np.stack([1 + (means < mean).sum(0) for mean in means])
    low, high = np.quantile(ranks, (ALPHA / 2, 1 - ALPHA / 2), axis=1, method="inverted_cdf")
    return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]


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


def _t_quantile(degrees: int) -> float:
    """The factor of Student's two-sided interval at 95 %."""
    return float(special.stdtrit(degrees, 1 - ALPHA / 2))


def _constant(x: Array) -> bool:
    """Whether values are equal up to rounding."""
    return bool(np.ptp(x) <= 1e-9 * np.abs(x).max())


def _letter(number: int) -> str:
    """The letters from a to z, then again with a prime."""
    return chr(ord("a") + number % 26) + "'" * (number // 26)
