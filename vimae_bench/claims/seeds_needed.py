"""How many seeds would decide a claim: the whole judgement on simulated seeds, with all its rules.

Methods keep the means and the covariances over seeds and draws that were measured; values of further seeds are normal.
Measures of one table share their seeds, as runs do. Of a repetition with n seeds only what the tests use is simulated:
means, and covariances from Wishart distributions (by Bartlett's decomposition). It therefore takes no longer for
more seeds, and all repetitions are tested at once. The seed is fixed: the same results give the same number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..analysis.decision import MIN_SEEDS
from ..analysis.statistics import (
    ALPHA,
    MAX_SEEDS,
    POWER,
    Array,
    Contrasts,
    Variance,
    VarianceParts,
    combine_contrasts,
    combine_variances,
)
from .comparisons import ClaimValues, Question, Region, Verdict, compute_p_values, select_contrasts

REPETITIONS = 400

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class QuestionSet:
    """Questions on the values under one measure of one table, all on pairs or all on single methods."""

    values: ClaimValues
    questions: tuple[Question, ...]
    table: int
    """The number of the table: values of one table share their seeds."""

    @property
    def regions(self) -> list[Region]:
        """The region of each question."""
        return [question.region for question in self.questions]


@dataclass(frozen=True)
class ReadingTests:
    """What is tested under one reading; `family` is the number of comparisons over which p-values are adjusted."""

    tested: tuple[QuestionSet, ...]
    family: int


@dataclass(frozen=True)
class ClaimTests:
    """What is tested of a claim, under each of its readings; compared by `key`, so that results can be cached."""

    key: bytes
    readings: tuple[ReadingTests, ...] = field(compare=False)

    @property
    def seeds(self) -> int:
        """The number of seeds that there are."""
        return max(len(one.values.values.seeds) for reading in self.readings for one in reading.tested)


def make_claim_tests(readings: Sequence[ReadingTests]) -> ClaimTests:
    """The tests of a claim with their key: all the numbers behind them."""
    parts = list[bytes]()
    for reading in readings:
        parts.append(str(reading.family).encode())
        for one in reading.tested:
            draws = one.values.scaled_draws
            parts += [one.values.scaled.tobytes(), b"" if draws is None else draws.tobytes()]
            parts.append(repr((one.values.values.labels, one.questions, one.table)).encode())
    return ClaimTests(b"|".join(parts), tuple(readings))


@lru_cache(maxsize=256)
def find_seeds_needed(tests: ClaimTests) -> int | None:
    """The smallest number of seeds, more than there are, with which 80 % of repetitions decide the claim.

    The decision must be the right one for the means that were measured. None if 1,000 seeds are not enough.
    """
    low, high = max(tests.seeds, MIN_SEEDS - 1), max(tests.seeds + 1, MIN_SEEDS)
    while compute_power(tests, high) < POWER:
        if high >= MAX_SEEDS:
            return None
        low, high = high, min(2 * high, MAX_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if compute_power(tests, middle) >= POWER else (middle, high)
    return high


def expect_verdicts(tests: ClaimTests) -> set[Verdict]:
    """The verdicts that the measured means deserve under the readings of a claim."""
    return {"supported" if _agrees(reading) else "contradicted" for reading in tests.readings}


def compute_power(tests: ClaimTests, seeds: int, repetitions: int = REPETITIONS) -> float:
    """The share of repetitions with so many seeds in which every reading has the verdict that its means deserve."""
    right = np.ones(repetitions, dtype=bool)
    for reading in tests.readings:
        supported, contradicted = simulate_reading(reading, seeds, repetitions)
        right &= supported if _agrees(reading) else contradicted
    return float(right.mean())


def simulate_reading(reading: ReadingTests, seeds: int, repetitions: int) -> tuple[Flags, Flags]:
    """In which repetitions a claim is supported, and in which contradicted, under one reading."""
    supported, smallest = np.ones(repetitions, dtype=bool), np.ones(repetitions)
    noise = dict[tuple[int, int], _Noise]()
    for one in reading.tested:
        key = (one.table, one.values.draws)
        if key not in noise:
            noise[key] = _Noise(one, seeds, repetitions)
        contrasts, own_variances = _simulate_contrasts(one, noise[key])
        p = compute_p_values(contrasts, one.regions, own_variances)
        supported &= (p.supporting < ALPHA).all(-1)
        smallest = np.minimum(smallest, p.contradicting.min(-1))
    # Holm's method rejects something if and only if the smallest p-value is below the level over the family.
    return supported, smallest * reading.family < ALPHA


def _agrees(reading: ReadingTests) -> bool:
    """Whether all measured means lie where the claim has them."""
    return all(
        low < mean < high
        for one in reading.tested
        for mean, (low, high) in zip(one.values.select(one.questions).means, one.regions, strict=True)
    )


class _Noise:
    """Standard normal deviates of means, and factors of Wishart matrices, shared by all measures of a table."""

    def __init__(self, one: QuestionSet, seeds: int, repetitions: int):
        self.seeds, self.draws = seeds, one.values.draws
        self.generator = np.random.default_rng([one.table, seeds])
        n = len(one.values.values.seeds)
        self.of_seeds = self.generator.standard_normal((repetitions, n - 1))
        self.seed_factors = self._make_factors(n - 1, seeds - 1, repetitions)
        rank = max(self.draws - 1, 0)
        self.of_draws = self.generator.standard_normal((repetitions, rank))
        self.draw_factors = self._make_factors(rank, rank, repetitions)

    def _make_factors(self, rank: int, degrees: int, repetitions: int) -> Array:
        """Lower triangular B [repetitions, rank, rank], where B B' has a Wishart distribution."""
        lower = np.tril(self.generator.standard_normal((repetitions, rank, rank)), -1)
        diagonal = np.sqrt(self.generator.chisquare(degrees - np.arange(rank), (repetitions, rank)))
        return lower + diagonal[:, :, None] * np.eye(rank)


@dataclass(frozen=True)
class _Spread:
    """Contrasts [c] of the measured methods: means, factors of their variances between seeds and draws, and cells."""

    means: Array
    by_seed: Array
    by_draw: Array
    cells: Array


def _simulate_contrasts(one: QuestionSet, noise: _Noise) -> tuple[Contrasts, Array | None]:
    """Contrasts [repetitions, q] of the questions, and the variances of single methods from their own values."""
    n, m = noise.seeds, noise.draws
    is_single = not one.questions[0].b
    spread = _measure_spread(one.values, is_single=is_single)
    places, signs = one.values.find_places(one.questions)
    means = spread.means + noise.of_seeds @ spread.by_seed.T / sqrt(n)
    means += noise.of_draws @ spread.by_draw.T / sqrt(max(m, 1))
    variances = _simulate_variances(spread.by_seed, noise.seed_factors, n - 1)
    shape = variances.shape
    across = _simulate_variances(spread.by_draw, noise.draw_factors, max(m - 1, 1)) + spread.cells / n
    parts = VarianceParts(
        Variance(variances, np.full(shape, n - 1.0)),
        Variance(across, np.full(shape, max(m - 1.0, 1.0))),
        np.broadcast_to(spread.cells, shape),
        n,
        m,
    )
    combined = combine_contrasts(means, parts, one.values.group_contrasts(is_single=is_single))
    contrasts = select_contrasts(combined, places, signs)
    return contrasts, combine_variances(parts).value[:, places] if is_single else None


def _simulate_variances(factor: Array, wishart: Array, degrees: int) -> Array:
    """Sample variances [repetitions, c] of contrasts with these factors [c, rank]."""
    products = np.einsum("cr,brs->bcs", factor, wishart)
    return (products**2).sum(-1) / degrees


def _measure_spread(values: ClaimValues, *, is_single: bool) -> _Spread:
    scaled, draws = values.scaled, values.scaled_draws
    k, n = scaled.shape
    contrast = np.eye(k)
    if not is_single:
        first, second = np.triu_indices(k, 1)
        contrast = contrast[first] - contrast[second]
    by_seed = contrast @ (scaled @ _make_basis(n)) / sqrt(n - 1)
    means = contrast @ scaled.mean(1)
    if draws is None:
        return _Spread(means, by_seed, np.zeros((len(contrast), 0)), np.zeros(len(contrast)))
    m = draws.shape[2]
    of_contrasts = np.einsum("ck,knm->cnm", contrast, draws)
    residuals = of_contrasts - of_contrasts.mean(2, keepdims=True) - of_contrasts.mean(1, keepdims=True)
    residuals += of_contrasts.mean((1, 2), keepdims=True)
    cells = (residuals**2).sum((1, 2)) / ((n - 1) * (m - 1))
    by_draw = of_contrasts.mean(1) @ _make_basis(m) / sqrt(m - 1)
    # Means over n seeds vary between draws by the residual variance over n too, which is added for other numbers.
    measured = (by_draw**2).sum(1)
    share = np.sqrt(np.maximum(1 - np.divide(cells / n, measured, out=np.ones(len(cells)), where=measured > 0), 0))
    return _Spread(means, by_seed, by_draw * share[:, None], cells)


@lru_cache(maxsize=64)
def _make_basis(n: int) -> Array:
    """Orthonormal contrasts [n, n - 1] of n values: centred values in n - 1 coordinates."""
    basis, _ = np.linalg.qr(np.eye(n) - 1 / n)
    return np.ascontiguousarray(basis[:, : n - 1])
