"""Statistics over seeds: intervals of means, tests of differences, equivalence, numbers of seeds.

Values are paired by seed: under one seed, two methods start from the same weights and see the same batches. Where all
runs share the draws behind a value (of labels, noise, episodes or samples), seeds and draws are crossed, and the
variance of a mean has a part from each.

Distributions come from `scipy.special`. `scipy.stats` is a reference in the tests only: importing it takes longer than
`vimae-bench leaderboard` takes altogether.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, isqrt, log1p, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Interval = tuple[float, float]

ALPHA = 0.05
"""Two-sided error rate of a family of tests; one minus the coverage of an interval."""

POWER, MAX_SEEDS = 0.8, 1000
"""The power for which numbers of seeds are computed, and the largest number that is reported."""

CELL_DEGREES, DEGREES_WEIGHT = 1.6, 0.3
"""Chosen by simulation so that crossed intervals cover 93 to 97 %; see `combine_variances`."""

NODES, WEIGHTS = (np.polynomial.legendre.leggauss(32)[0] + 1) / 2, np.polynomial.legendre.leggauss(32)[1] / 2
"""Of Gauss-Legendre quadrature over [0, 1]."""

MAX_SPREAD_RATIO, MIN_WIDE_SEEDS = 3.0, 5
"""The tests keep what they promise for spreads that differ by less than this factor from the usual one.

From so many seeds on, a method beyond it can be distinguished from one with a few seeds far off; see
`find_wide_methods`."""

SMALLEST_VARIANCE = 1e-5
"""Variances below this share of the median are raised to it before their distribution is fitted, as limma does."""


@dataclass(frozen=True)
class Variance:
    """Estimated variances of means [c], each with its degrees of freedom."""

    value: Array
    degrees: Array


@dataclass(frozen=True)
class VarianceParts:
    """What the variances of means [..., c] over n `seeds`, or over n seeds crossed with m `draws`, are made of.

    `between` is the variance between seeds, of means over draws. With draws, `across` is the variance between draws, of
    means over seeds, and `cells` the residual one.
    """

    between: Variance
    across: Variance
    cells: Array
    seeds: int
    draws: int


@dataclass(frozen=True)
class ContrastGroup:
    """Contrasts that share what their variances have in common: `members` [..., c], or all.

    `of_seeds` and `of_draws` of them are independent over seeds and over draws, [..., 1] or the same for all
    repetitions: of all pairs of k methods, k - 1 are. A method that varies much more than the others says nothing on
    contrasts that it is not in; these are a group of their own.
    """

    of_seeds: Array | float
    of_draws: Array | float
    members: Flags | bool = True


@dataclass(frozen=True)
class Contrasts:
    """Estimated differences [..., c], each with two estimates of its variance; a test takes the one that says less.

    The pooled variance is that of an additive model of methods and seeds, the same for all pairs of a group. The
    moderated one is that of the pair itself, raised, if it is small, towards those of the other pairs. The first
    withstands a few seeds that are all alike by chance, the second methods of unequal spread. `parts` is the larger of
    both.
    """

    means: Array
    pooled: Variance
    moderated: Variance
    parts: VarianceParts

    def p_values(self, boundaries: Array | float = 0.0) -> Array:
        """Two-sided p-values that the differences are `boundaries`."""
        return self._use_larger(lambda variance: 2 * self._tail(variance, -np.abs(self.means - boundaries)))

    def greater_p_values(self, boundaries: Array | float = 0.0) -> Array:
        """One-sided p-values, small if the differences are greater than `boundaries`."""
        return self._use_larger(lambda variance: self._tail(variance, boundaries - self.means))

    def less_p_values(self, boundaries: Array | float = 0.0) -> Array:
        """One-sided p-values, small if the differences are less than `boundaries`."""
        return self._use_larger(lambda variance: self._tail(variance, self.means - boundaries))

    def within_p_values(self, margins: Array | float) -> Array:
        """P-values of two one-sided tests, small if the differences lie within +-`margins` (Schuirmann 1987)."""
        return np.maximum(self.greater_p_values(-np.asarray(margins)), self.less_p_values(np.asarray(margins)))

    def intervals(self) -> list[Interval]:
        """The 95 % interval of each difference [c] alone: it agrees with `p_values`."""
        halves = self.half_widths()
        return [(float(mean - half), float(mean + half)) for mean, half in zip(self.means, halves, strict=True)]

    def half_widths(self) -> Array:
        """Half the widths of the 95 % intervals [..., c], of the wider of both."""
        found = (_t_quantile(one.degrees) * np.sqrt(one.value) for one in (self.pooled, self.moderated))
        return np.maximum(*found)

    def forecast_power(self, indices: Sequence[int], seeds: int, alpha: float, margin: float = 0.0) -> Array:
        """P(tests at level `alpha` with another number of seeds decide on a difference), for some of the differences.

        If effects and variances are as estimated, and the draws are the same. The decision is a difference of the right
        sign or, with a margin, an equivalence, whichever is more probable.
        """
        effects, variance = self.means[list(indices)], self._forecast_variance(list(indices), seeds)
        power = detection_power(effects, variance, alpha)
        if margin:
            power = np.maximum(power, equivalence_power(effects, variance, margin, alpha))
        return np.where(_is_constant(effects, variance) & (2 * 0.5**seeds >= alpha), 0.0, power)  # see `_tail`

    def _forecast_variance(self, chosen: list[int], seeds: int) -> Variance:
        parts = self.parts
        degrees = parts.between.degrees[chosen] * (seeds - 1) / (parts.seeds - 1)
        # What the variance between draws has of the residual one becomes less with more seeds.
        cells = parts.cells[chosen]
        across = np.maximum(parts.across.value[chosen] - cells / parts.seeds, 0) + cells / seeds
        draws = Variance(across, parts.across.degrees[chosen])
        between = Variance(parts.between.value[chosen], degrees)
        return combine_variances(VarianceParts(between, draws, cells, seeds, parts.draws))

    def _use_larger(self, compute: Callable[[Variance], Array]) -> Array:
        return np.minimum(np.maximum(compute(self.pooled), compute(self.moderated)), 1.0)

    def _tail(self, variance: Variance, distance: Array) -> Array:
        """P(a difference lies further below its expectation than by -`distance`), 2^-n where nothing varies.

        Several equal differences of rounded values would otherwise give p = 0.
        """
        constant = _is_constant(self.means, variance)
        p = special.stdtr(variance.degrees, distance / np.where(constant, 1.0, np.sqrt(variance.value)))
        bound = np.where(distance < 0, 0.5**self.parts.seeds, np.where(distance > 0, 1.0, 0.5))
        return np.where(constant, bound, p)


def combine_variances(parts: VarianceParts) -> Variance:
    """The variance of means over n seeds, or over n seeds crossed with m draws.

    The parts between seeds and between draws both contain the residual variance. Subtracting all of it, as an unbiased
    estimate does, gives intervals that cover too little for few degrees of freedom; then less is subtracted.
    Satterthwaite's (1946) degrees of freedom are too many if those of the parts differ much; the quantile is moved
    towards the mean of both quantiles (Cochran and Cox 1957).
    """
    n, m, (of_seeds, of_draws) = parts.seeds, parts.draws, (parts.between.degrees, parts.across.degrees)
    a = parts.between.value / n
    if not m:
        return Variance(a, of_seeds)
    b = parts.across.value / m
    fewer, more = np.minimum(of_seeds, of_draws), np.maximum(of_seeds, of_draws)
    share = np.maximum(1 - (CELL_DEGREES / fewer) ** 2, 0)
    total = np.maximum(a + b - share * parts.cells / (n * m), np.maximum(a, b))
    if not total.any():
        return Variance(total, of_seeds)
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = (a + b) ** 2 / (a**2 / of_seeds + b**2 / of_draws)
        mean = (a * _read_quantile(of_seeds) + b * _read_quantile(of_draws)) / (a + b)
    weight = DEGREES_WEIGHT * (1 - fewer / more)
    found = _read_degrees((1 - weight) * _read_quantile(degrees) + weight * mean)
    return Variance(total, np.where(total > 0, np.fmin(found, degrees), of_seeds))


def confidence_interval(values: Sequence[float] | Array, per_draw: Array | None = None) -> Interval | None:
    """95 % interval of a mean over seeds by Student's t; None for a single value.

    If the values are means over draws that all seeds share, pass these as `per_draw` [seeds, draws]: the interval then
    covers the variation between draws as well.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    (interval,) = make_contrasts(x[None], None if per_draw is None else per_draw[None]).intervals()
    return interval


def prediction_interval(per_draw: Array, noise: float = 0.0) -> Interval | None:
    """95 % interval for the value of one further run under one further draw, from values [seeds, draws].

    `noise` is the variance of a value that the new run has in addition, such as that of an accuracy on few images.
    None for fewer than two seeds or draws. The variance is the sum of those of seeds, draws and cells, each with that
    of its estimated mean, with Satterthwaite's degrees of freedom.
    """
    found = _predict_run(per_draw, noise)
    if found is None:
        return None
    mean, variance, degrees = found
    half = float(_t_quantile(degrees)) * sqrt(variance)
    return mean - half, mean + half


def prediction_p_value(per_draw: Array, value: float, noise: float = 0.0) -> float | None:
    """Two-sided p-value that `value` is that of one further run: below 5 % outside `prediction_interval`."""
    found = _predict_run(per_draw, noise)
    if found is None:
        return None
    mean, variance, degrees = found
    if variance == 0:
        return float(value == mean)
    return float(2 * special.stdtr(min(degrees, 1e9), -abs(value - mean) / sqrt(variance)))


def _predict_run(per_draw: Array, noise: float) -> tuple[float, float, float] | None:
    """The expected value of one further run, its variance with that of the expectation, and degrees of freedom."""
    n, m = per_draw.shape
    if n < 2 or m < 2:
        return None
    seeds, draws, cells = (float(part[0]) for part in _split_variance(per_draw[None]))
    parts = np.array([(1 + 1 / n) * seeds, (1 + 1 / m) * draws, 0.0])
    parts[2] = (1 - 1 / n - 1 / m - 1 / (n * m)) * cells
    total = max(float(parts.sum()), 0.0)
    of_parts = np.array([n - 1, m - 1, (n - 1) * (m - 1)])
    degrees = total**2 / (parts**2 / of_parts).sum() if total else inf
    return float(per_draw.mean()), total + noise, degrees


def compare_pairs(values: Array, per_draw: Array | None = None) -> Contrasts:
    """The differences of all pairs of methods, from values [..., methods, seeds], in the order of `combinations`.

    `per_draw` [..., methods, seeds, draws] are the values over each draw if all runs share the draws.
    """
    first, second = np.triu_indices(values.shape[-2], 1)
    draws = None if per_draw is None else per_draw[..., first, :, :] - per_draw[..., second, :, :]
    return make_contrasts(values[..., first, :] - values[..., second, :], draws, group_pairs(values))


def compare_with_values(values: Array, fixed: Array, per_draw: Array | None = None) -> Contrasts:
    """Methods minus `fixed` [methods], from values [..., methods, seeds].

    `per_draw` [..., methods, seeds, draws] are such differences over each draw if all runs share the draws. What a seed
    does to all methods is not removed, so that not all of their variances are independent.
    """
    return make_contrasts(values - fixed[:, None], per_draw, group_methods(values, per_draw))


def group_pairs(values: Array) -> tuple[ContrastGroup, ...]:
    """All pairs of methods, and those without a wide method, from values [..., methods, seeds]; see `ContrastGroup`."""
    k = values.shape[-2]
    groups, wide = [ContrastGroup(k - 1, k - 1)], find_wide_methods(values)
    if wide.any():
        first, second = np.triu_indices(k, 1)
        usual = k - 1.0 - wide.sum(-1, keepdims=True)
        groups.append(ContrastGroup(usual, usual, ~(wide[..., first] | wide[..., second])))
    return tuple(groups)


def group_methods(values: Array, per_draw: Array | None = None) -> tuple[ContrastGroup, ...]:
    """All methods, and those that are not wide, from values [..., methods, seeds]; see `ContrastGroup`."""
    of_seeds, of_draws = values, values if per_draw is None else per_draw.mean(-2)
    groups, wide = [ContrastGroup(count_independent(of_seeds), count_independent(of_draws))], find_wide_methods(values)
    if wide.any():
        usual = ~wide
        kept = usual[..., None]
        groups.append(ContrastGroup(count_independent(of_seeds * kept), count_independent(of_draws * kept), usual))
    return tuple(groups)


def make_contrasts(
    differences: Array, per_draw: Array | None = None, groups: Sequence[ContrastGroup] = (ContrastGroup(1, 1),)
) -> Contrasts:
    """Contrasts from differences [..., c, seeds], and from those over each draw [..., c, seeds, draws] if shared."""
    n, shape = differences.shape[-1], differences.shape[:-1]
    between = Variance(differences.var(-1, ddof=1), np.full(shape, n - 1.0))
    if per_draw is None or per_draw.shape[-1] < 2:
        parts = VarianceParts(between, Variance(np.zeros(shape), np.ones(shape)), np.zeros(shape), n, 0)
    else:
        m = per_draw.shape[-1]
        _, across, cells = _split_variance(per_draw)
        parts = VarianceParts(between, Variance(across, np.full(shape, m - 1.0)), cells, n, m)
    return combine_contrasts(differences.mean(-1), parts, groups)


def find_wide_methods(values: Array) -> Flags:
    """Which methods [..., k] are of unusual spread under most seeds, from values [..., k, seeds].

    A method of which a few seeds are far from the others is not: by chance only may the seeds of the others be all
    alike. Fewer than five seeds cannot show the difference.
    """
    k, n = values.shape[-2:]
    if n < MIN_WIDE_SEEDS or k < 3:
        return np.zeros(values.shape[:-1], dtype=bool)
    first, second = np.triu_indices(k, 1)
    differences = values[..., first, :] - values[..., second, :]
    wide = find_unusual_spread(differences.var(-1, ddof=1))
    if not wide.any():
        return wide
    deviations = np.abs(differences - np.median(differences, axis=-1, keepdims=True))
    return wide & find_unusual_spread(np.median(deviations, axis=-1) ** 2)


def find_unusual_spread(variances: Array) -> Flags:
    """Which methods [..., k] spread over three times as much as is usual, from the variances [..., c] of all pairs.

    The variance of a pair is the sum of those of its methods. The median over the pairs of a method is hardly changed
    by a few others that vary much more, unlike Grubbs's (1948) difference of means over pairs. It takes three methods.
    """
    k = (1 + isqrt(1 + 8 * variances.shape[-1])) // 2
    if k < 3:
        return np.zeros((*variances.shape[:-1], k), dtype=bool)
    first, second = np.triu_indices(k, 1)
    pairs = np.zeros((*variances.shape[:-1], k, k))
    pairs[..., first, second] = pairs[..., second, first] = variances
    if k == 3:
        own = pairs.sum(-1) - pairs.sum((-1, -2))[..., None] / 4
        usual = np.median(own, axis=-1, keepdims=True)
        return (usual > 0) & (own > MAX_SPREAD_RATIO**2 * usual)
    own = np.sort(pairs, axis=-1)[..., k // 2]  # the lower median: the first is a method with itself
    usual = np.sort(own, axis=-1)[..., (k - 1) // 2, None]  # twice the usual variance
    return (usual > 0) & (own > (MAX_SPREAD_RATIO**2 + 1) / 2 * usual)


def combine_contrasts(means: Array, own: VarianceParts, groups: Sequence[ContrastGroup]) -> Contrasts:
    """Contrasts [..., c] from their own variances; those of a group along the last axis share what they have in common.

    Other axes are repetitions of the experiment. Each contrast is in the last group of which it is a member.
    """
    found = _combine_group(means, own, groups[0])
    for group in groups[1:]:
        one, chosen = _combine_group(means, own, group), group.members
        between = _choose(chosen, one.parts.between, found.parts.between)
        across = _choose(chosen, one.parts.across, found.parts.across)
        found = Contrasts(
            means,
            _choose(chosen, one.pooled, found.pooled),
            _choose(chosen, one.moderated, found.moderated),
            VarianceParts(between, across, own.cells, own.seeds, own.draws),
        )
    return found


def _combine_group(means: Array, own: VarianceParts, group: ContrastGroup) -> Contrasts:
    """Contrasts that are valid for the members of a group."""
    members = np.broadcast_to(group.members, own.cells.shape)
    cells = np.broadcast_to(own.cells.mean(-1, keepdims=True, where=members), own.cells.shape)
    pooled = VarianceParts(
        _pool(own.between, group.of_seeds, members),
        _pool(own.across, group.of_draws, members),
        cells,
        own.seeds,
        own.draws,
    )
    moderated = VarianceParts(
        _raise_variances(own.between, group.of_seeds, members),
        _raise_variances(own.across, group.of_draws, members),
        own.cells,
        own.seeds,
        own.draws,
    )
    larger = VarianceParts(
        _choose_larger(pooled.between, moderated.between),
        _choose_larger(pooled.across, moderated.across),
        own.cells,
        own.seeds,
        own.draws,
    )
    return Contrasts(means, combine_variances(pooled), combine_variances(moderated), larger)


def count_independent(rows: Array) -> Array:
    """How many independent rows have as many degrees of freedom as the mean variance of rows [..., k, n], as [..., 1].

    Between 1 and k: tr(S)^2 / tr(S^2) for the covariance matrix S of the rows (Box 1954).
    """
    centred = rows - rows.mean(-1, keepdims=True)
    covariance = centred @ centred.swapaxes(-1, -2)
    squared_trace = np.trace(covariance, axis1=-2, axis2=-1) ** 2
    trace_of_square = (covariance**2).sum((-1, -2))
    some = trace_of_square > 0
    return np.where(some, squared_trace / np.where(some, trace_of_square, 1.0), 1.0)[..., None]


def moderate_variances(own: Variance, most: Array | float = inf, members: Flags | None = None) -> Variance:
    """Variances [..., c] shrunk towards what those along the last axis have in common (Smyth 2004, section 6.2).

    By empirical Bayes; all have the same degrees of freedom. `most` bounds those of the result. A single variance, or
    variances that are all 0, stay as they are. With `members` [..., c] only these have something in common, and what is
    found for others is not to be used.
    """
    v, degrees = own.value, float(own.degrees.flat[0])
    if v.shape[-1] < 2 or not v.any():
        return own
    members = np.ones(v.shape, dtype=bool) if members is None else members
    several = members.sum(-1, keepdims=True) > 1
    chosen = members | ~several  # so that the formulas are defined for a single member, which stays as it is
    usual = np.nanmedian(np.where(chosen, v, np.nan), axis=-1, keepdims=True)
    usual = np.where(usual > 0, usual, v.mean(-1, keepdims=True, where=chosen))
    raised = np.maximum(v, SMALLEST_VARIANCE * np.where(usual > 0, usual, 1.0))
    e = np.log(raised) - special.digamma(degrees / 2) + np.log(degrees / 2)
    excess = e.var(-1, ddof=1, keepdims=True, where=chosen) - _trigamma(degrees / 2)
    prior = np.where(excess > 1e-6, 2 * _invert_trigamma(np.maximum(excess, 1e-6)), 1e6)
    centre = np.exp(e.mean(-1, keepdims=True, where=chosen) + special.digamma(prior / 2) - np.log(prior / 2))
    value = (prior * centre + degrees * raised) / (prior + degrees)
    found = np.broadcast_to(np.minimum(prior + degrees, most), v.shape)
    shares = (usual > 0) & several
    return Variance(np.where(shares, value, v), np.where(shares, found, own.degrees))


def skewed_p_values(t: Array, n: int) -> Array:
    """Two-sided p-values of t statistics of the means of `n` values that may be as skewed as an exponential variable.

    Twice the larger tail of the t statistic of exponential variables, or of normal ones if that is larger. The mean of
    exponential variables is independent of their coefficient of variation. The tail given that coefficient is exact,
    and a few thousand simulated coefficients give the whole to a few per cent, even far out.
    """
    grid, tails = _tabulate_skewed_tails(n)
    return np.minimum(2 * np.exp(np.interp(np.log1p(np.abs(t)), grid, tails)), 1.0)


@cache
def _tabulate_skewed_tails(n: int) -> tuple[Array, Array]:
    """log1p(t), and the logarithm of the probability that exponential variables give a t statistic below -t."""
    grid = np.linspace(0, log1p(1000.0), 80)
    x = np.random.default_rng(0).exponential(size=(max(200, min(4000, 40_000 // n)), n))
    variation = x.std(1, ddof=1) / x.mean(1)
    below = special.gammainc(n, n / (1 + np.expm1(grid)[:, None] * variation / sqrt(n))).mean(1)
    return grid, np.log(np.maximum(np.maximum(below, special.stdtr(n - 1, -np.expm1(grid))), 1e-300))


def adjust_holm(p: Sequence[float] | Array) -> Array:
    """P-values [..., p] adjusted by Holm's step-down method (1979), which controls the family-wise error rate."""
    raw = np.asarray(p, dtype=np.float64)
    order, m = np.argsort(raw, axis=-1), raw.shape[-1]
    stepped = np.maximum.accumulate(np.take_along_axis(raw, order, -1) * (m - np.arange(m)), axis=-1)
    adjusted = np.empty_like(raw)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 1), -1)
    return adjusted


def find_seeds(missed: Callable[[int], float], low: int) -> int | None:
    """The smallest number of seeds from `low` on at which `missed`, which falls with more, is at most 1 - 80 %.

    None if 1,000 seeds are not enough.
    """
    enough = 1 - POWER + 1e-9
    if missed(MAX_SEEDS) > enough:
        return None
    low, high = low - 1, low
    while missed(high) > enough:
        low, high = high, min(2 * high, MAX_SEEDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if missed(middle) <= enough else (middle, high)
    return high


def detection_power(effects: Array, variance: Variance, alpha: float) -> Array:
    """P(a two-sided t test at level `alpha` shows a difference of the right sign), for true variances [c]."""
    cut = special.stdtrit(variance.degrees, 1 - alpha / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        shifts = np.abs(effects) / np.sqrt(variance.value)
    power = 1 - special.nctdtr(variance.degrees, np.where(np.isfinite(shifts), shifts, 0.0), cut)
    # Where the noncentral t distribution is not a number, the shift is far greater than the quantile.
    return np.where((shifts == inf) | (np.isnan(power) & (shifts > cut)), 1.0, power)


def detectable_effect(variance: Variance, alpha: float) -> Array:
    """The effects [c] that a two-sided t test at level `alpha` detects with 80 % power, with the right sign.

    `variance` is that of the estimates with as many seeds as there are.
    """
    cut = special.stdtrit(variance.degrees, 1 - alpha / 2)
    return np.sqrt(variance.value) * special.nctdtrinc(variance.degrees, 1 - POWER, cut)


def equivalence_power(effects: Array, variance: Variance, margin: float, alpha: float = ALPHA) -> Array:
    """P(two one-sided t tests at level `alpha` show effects [c] to be within +-`margin`), for true variances.

    By Gauss-Legendre quadrature over the distribution of the estimated standard error, up to the value from which on
    no estimate would be shown to be within the margin.
    """
    degrees, error = variance.degrees[:, None], np.sqrt(np.maximum(variance.value, 1e-300))[:, None]
    wide, shifts, cut = margin / error, effects[:, None] / error, special.stdtrit(degrees, 1 - alpha)
    most = special.chdtr(degrees, degrees * (wide / cut) ** 2)
    scale = np.sqrt(special.chdtri(degrees, 1 - most * NODES) / degrees)  # estimated over true standard error
    half = np.maximum(wide - cut * scale, 0.0)
    return most[:, 0] * ((special.ndtr(half - shifts) - special.ndtr(-half - shifts)) @ WEIGHTS)


def win_rate(differences: Array) -> float:
    """P(A beats B): the share of seeds whose difference A - B is positive, ties counting half (Bouthillier 2021)."""
    return float(np.mean((differences > 0) + 0.5 * (differences == 0)))


def _is_constant(means: Array, variance: Variance) -> NDArray[np.bool_]:
    """Whether differences are the same under all seeds, up to the precision of numbers."""
    return np.sqrt(variance.value) <= 1e-9 * np.abs(means)


def _pool(own: Variance, independent: Array | float, members: Flags) -> Variance:
    """The mean variance of members along the last axis, in the place of each."""
    mean = np.broadcast_to(own.value.mean(-1, keepdims=True, where=members), own.value.shape)
    return Variance(mean, own.degrees * independent)


def _raise_variances(own: Variance, independent: Array | float, members: Flags) -> Variance:
    """Moderated variances, but not below a contrast's own.

    Moderation also lowers the variances of methods that do vary more than others, whose intervals would cover too
    little. The degrees of freedom are at most those that all contrasts have together.
    """
    moderated = moderate_variances(own, float(own.degrees.flat[0]) * independent, members)
    return Variance(np.maximum(moderated.value, own.value), moderated.degrees)


def _choose(condition: Flags | bool, a: Variance, b: Variance) -> Variance:
    return Variance(np.where(condition, a.value, b.value), np.where(condition, a.degrees, b.degrees))


def _choose_larger(a: Variance, b: Variance) -> Variance:
    return _choose(a.value > b.value, a, b)


def _split_variance(table: Array) -> tuple[Array, Array, Array]:
    """Variances [...] between the means of seeds, between the means of draws, and of the residuals [..., n, m]."""
    n, m = table.shape[-2:]
    seeds, draws = table.mean(-1), table.mean(-2)
    residuals = table - seeds[..., :, None] - draws[..., None, :] + table.mean((-1, -2))[..., None, None]
    cells = (residuals**2).sum((-1, -2)) / ((n - 1) * (m - 1))
    return seeds.var(-1, ddof=1), draws.var(-1, ddof=1), cells


def _t_quantile(degrees: Any) -> Any:  # noqa: ANN401 a number or an array, as scipy takes
    """The quantile of Student's t distribution for a two-sided interval at 95 %."""
    return special.stdtrit(np.minimum(degrees, 1e9), 1 - ALPHA / 2)


def _read_quantile(degrees: Array) -> Array:
    inverse, quantiles = _tabulate_quantiles()
    return np.interp(1 / degrees, inverse, quantiles)


def _read_degrees(quantiles: Array) -> Array:
    inverse, known = _tabulate_quantiles()
    return 1 / np.maximum(np.interp(quantiles, known, inverse), 1e-9)


@cache
def _tabulate_quantiles() -> tuple[Array, Array]:
    """From 0 to 1, the reciprocals of degrees of freedom, and the quantiles: exact, they take longer than all else."""
    inverse = np.linspace(0, 1, 4001)
    return inverse, _t_quantile(1 / np.maximum(inverse, 1e-9))


def _trigamma(x: Any) -> Any:  # noqa: ANN401 a number or an array, as scipy takes
    return special.polygamma(1, x)


def _invert_trigamma(y: Array) -> Array:
    """The x for which trigamma(x) = y, by Newton's method (Smyth 2004, appendix)."""
    x = 0.5 + 1 / y
    for _ in range(50):
        value = _trigamma(x)
        step = value * (1 - value / y) / special.polygamma(2, x)
        x += step
        if (-step < 1e-8 * x).all():
            break
    return x
