"""Decide, for one measure of one table, which methods differ, which are equivalent, and what cannot be decided.

Every statement on methods, in any leaderboard, report, comparison, verdict or figure, is taken from here.

- A pair of methods is *different* if its p-value, Holm-adjusted over all pairs of comparable methods, is below 5 %;
  *equivalent* if two one-sided tests, adjusted likewise, show the difference to be within a margin that was fixed
  before the data; otherwise *undecided*: these seeds cannot tell. A pair that is both is equivalent.
- A method is *worse* if some method is better, *best* if it is better than every other, *not worse* if it is better
  than or equivalent to every other, and otherwise *undecided*.
- That a method leads is *no evidence* that it is better under a measure that cautions against it, under which some
  method is better than real images, or if it has nearly collapsed, which the measure rewards.
- Methods with a collapsed run or a missing seed are *not comparable*: they are in no pair and never lead.

Each method against each baseline is a family of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from math import exp, expm1, log1p
from typing import Literal

import numpy as np

from ..core.results import REAL_IMAGES, Measure
from .statistics import (
    ALPHA,
    Array,
    Contrasts,
    Interval,
    adjust_holm,
    compare_pairs,
    compare_with_values,
    detectable_effect,
    find_seeds,
    find_unusual_spread,
)

PairOutcome = Literal["different", "equivalent", "undecided"]
MethodState = Literal["best", "not worse", "worse", "undecided", "not comparable"]

MIN_SEEDS = 5
"""With fewer seeds than this, pairs are tested but methods are not ranked."""
MIN_TESTED_SEEDS = 3
"""With fewer seeds than this nothing is tested: an interval of two values is too wide to mean anything."""


@dataclass(frozen=True)
class MeasureValues:
    """The values of one measure in one table.

    `values` are those of the comparable methods [methods, seeds] in the order of `labels`; `per_draw`
    [methods, seeds, draws] those over each draw, None unless all runs share the draws. `not_comparable` gives a reason
    for each other method. `baselines` are values of rows without training, with those over each draw if shared.
    `qualifications` say of methods what a reader has to know about their values, such as that they nearly collapsed.
    """

    measure: Measure
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Array
    per_draw: Array | None = None
    not_comparable: Mapping[str, str] = field(default_factory=dict[str, str])
    baselines: Mapping[str, "BaselineValue"] = field(default_factory=dict[str, "BaselineValue"])
    qualifications: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class BaselineValue:
    """The value of a baseline, and its values over the draws that all runs share, if there are any."""

    value: float
    per_draw: tuple[float, ...] = ()


@dataclass(frozen=True)
class PairForecast:
    """What the number of seeds that would decide a pair is computed from, which takes too long to do it for all.

    `comparisons` is the size of the pair's family.
    """

    contrasts: Contrasts
    index: int
    comparisons: int
    measure: Measure
    margin: float | None

    @cached_property
    def seeds(self) -> int | None:
        """The number of seeds, more than there are, that would show a difference or an equivalence."""
        return find_seeds_needed([self])


@dataclass(frozen=True)
class PairDecision:
    """What the seeds say on `a` and `b` under one measure.

    `difference` is the mean of a - b, or of a / b if the measure has a log scale (`is_ratio`), and `interval` the
    95 % interval of this one comparison, not adjusted for others. `p` is the adjusted p-value, from which the outcome
    follows; `better` is the better method of a different pair. An undecided pair has a `forecast`.
    """

    a: str
    b: str
    difference: float
    interval: Interval | None
    is_ratio: bool
    p: float | None
    outcome: PairOutcome
    better: str = ""
    equivalence_p: float | None = None
    forecast: PairForecast | None = field(default=None, repr=False, compare=False)

    @property
    def seeds_needed(self) -> int | None:
        """The number of seeds at which 80 % of repetitions would decide an undecided pair; None if no number would.

        Effect and spread are taken to stay as they are.
        """
        return self.forecast.seeds if self.forecast else None

    def swap(self) -> "PairDecision":
        """The same decision on `b` and `a`."""
        interval = (self._turn(self.interval[1]), self._turn(self.interval[0])) if self.interval else None
        return replace(self, a=self.b, b=self.a, difference=self._turn(self.difference), interval=interval)

    def _turn(self, value: float) -> float:
        return 1 / value if self.is_ratio else -value


@dataclass(frozen=True)
class MethodDecision:
    """The state of a method under one measure.

    `reason` says why it is not comparable. `worse_than`, `equivalent_to` and `undecided_with` name the methods behind
    the state. `baselines` gives the decision against each baseline. A `qualification`, such as `nearly collapsed`,
    belongs in every sentence that says that it leads.
    """

    label: str
    state: MethodState
    reason: str = ""
    better_than: tuple[str, ...] = ()
    worse_than: tuple[str, ...] = ()
    equivalent_to: tuple[str, ...] = ()
    undecided_pairs: tuple[PairDecision, ...] = field(default=(), repr=False)
    baselines: Mapping[str, PairDecision] = field(default_factory=dict[str, PairDecision])
    qualification: str = ""
    has_unusual_spread: bool = False
    """Whether its values spread so much more or less than those of others that the error rate is not guaranteed."""

    @property
    def undecided_with(self) -> tuple[str, ...]:
        """The other methods of undecided pairs."""
        return tuple(pair.b if pair.a == self.label else pair.a for pair in self.undecided_pairs)

    @property
    def seeds_needed(self) -> int | None:
        """The number of seeds at which 80 % of repetitions decide all undecided pairs; None if no number does."""
        return find_seeds_needed([pair.forecast for pair in self.undecided_pairs if pair.forecast])

    @property
    def leads(self) -> bool:
        """Whether it is shown to be better than or equivalent to every other method."""
        return self.state in ("best", "not worse")


@dataclass(frozen=True)
class MeasureDecision:
    """All decisions under one measure of one table.

    `pairs` has every pair of comparable methods once; `get_pair` finds it in either order. `margin` is that of
    equivalence, in the measure's unit or, on a log scale, relative; None if there is none. `draws` is the number of
    shared draws that uncertainty covers; without any it is over seeds only.
    """

    measure: Measure
    seeds: tuple[int, ...]
    margin: float | None
    draws: int
    pairs: Mapping[tuple[str, str], PairDecision]
    methods: Mapping[str, MethodDecision]
    contrasts: Contrasts | None = field(default=None, repr=False, compare=False)
    """Those of all pairs on the measure's scale."""

    @cached_property
    def detectable_difference(self) -> float | None:
        """The difference between two methods that these seeds show with 80 % power; None if nothing is tested.

        It is in the measure's unit, or relative on a log scale (0.05: 5 %): the median over pairs, each with the
        variance and the level, by Bonferroni's bound over all pairs, at which the test decides.
        """
        if not self.contrasts or not self.pairs:
            return None
        alpha = ALPHA / len(self.pairs)
        found = (detectable_effect(one, alpha) for one in (self.contrasts.pooled, self.contrasts.moderated))
        effect = float(np.median(np.maximum(*found)))
        return expm1(effect) if self.measure.scale == "log" else effect

    @property
    def is_ranked(self) -> bool:
        """Whether there are seeds enough to say which methods lead."""
        return len(self.seeds) >= MIN_SEEDS and bool(self.pairs)

    @property
    def leaders(self) -> tuple[str, ...]:
        """The methods that are shown to be better than or equivalent to every other."""
        return tuple(label for label, method in self.methods.items() if method.leads)

    @cached_property
    def beats_real_images(self) -> bool:
        """Whether some method is better than real images are, taken as if it had generated them."""
        found = (method.baselines.get(REAL_IMAGES) for method in self.methods.values())
        return any(pair.better == pair.a for pair in found if pair)

    def is_evidently_leading(self, label: str) -> bool:
        """Whether a method leads, and that shows that it is better."""
        method = self.methods.get(label)
        is_doubtful = self.beats_real_images or bool(self.measure.caution)
        return bool(method and method.leads and not method.qualification) and not is_doubtful

    def get_state(self, label: str) -> MethodState | None:
        """The state to show for a method; None if it has none, or if there are too few seeds to rank it."""
        method = self.methods.get(label)
        return method.state if method and (self.is_ranked or method.state == "not comparable") else None

    def get_pair(self, a: str, b: str) -> PairDecision | None:
        """The decision on a - b; None if one of them is not comparable."""
        if (a, b) in self.pairs:
            return self.pairs[a, b]
        found = self.pairs.get((b, a))
        return found.swap() if found else None


def decide_measure(values: MeasureValues, margin: float | None = None) -> MeasureDecision:
    """Decide on all pairs and methods under one measure, which must have a direction.

    `margin` replaces the measure's own. Fewer than three seeds, fewer than two comparable methods, or values that are
    not positive on a log scale, give no pairs.
    """
    margin = values.measure.margin if margin is None else margin
    n, draws = len(values.seeds), values.per_draw.shape[2] if values.per_draw is not None else 0
    can_test = n >= MIN_TESTED_SEEDS and _fits_scale(values)
    contrasts = _contrast_pairs(values) if can_test and len(values.labels) > 1 else None
    names = list(combinations(values.labels, 2))
    decided = _decide_contrasts(contrasts, names, values.measure, margin) if contrasts else ()
    pairs = dict(zip(names, decided, strict=True)) if contrasts else {}
    against = _decide_baselines(values) if can_test and values.baselines and values.labels else {}
    unusual = _find_unusual_spread(values) if pairs else frozenset[str]()
    methods = {
        label: replace(
            _decide_method(label, values.labels, pairs, n),
            baselines=against.get(label, {}),
            qualification=values.qualifications.get(label, ""),
            has_unusual_spread=label in unusual,
        )
        for label in values.labels
    }
    lost = {label: MethodDecision(label, "not comparable", why) for label, why in values.not_comparable.items()}
    return MeasureDecision(values.measure, values.seeds, margin, draws, pairs, methods | lost, contrasts)


def decide_matched(
    a: MeasureValues, b: MeasureValues, names: tuple[str, str], margin: float | None = None
) -> tuple[dict[str, PairDecision], int]:
    """Decide for each method whether its values in two sets differ, which have the same labels and seeds.

    Gives the decisions by label, and the number of draws that both sets share. `names` are those of the sets, the
    first and the second of each pair. All methods are one family. With fewer than three seeds, or values that are not
    positive on a log scale, nothing is decided.
    """
    if len(a.seeds) < MIN_TESTED_SEEDS or not a.labels or not (_fits_scale(a) and _fits_scale(b)):
        return {}, 0
    measure, one, other = a.measure, scale_draws(a), scale_draws(b)
    differences = to_scale(measure, a.values) - to_scale(measure, b.values)
    table = one - other if one is not None and other is not None and one.shape == other.shape else None
    contrasts = compare_with_values(differences, np.zeros(len(a.labels)), table)
    margin = measure.margin if margin is None else margin
    decided = _decide_contrasts(contrasts, [names] * len(a.labels), measure, margin)
    return dict(zip(a.labels, decided, strict=True)), contrasts.parts.draws


def find_seeds_needed(forecasts: Sequence[PairForecast]) -> int | None:
    """The number of seeds at which 80 % of repetitions would decide all of some pairs of one measure, by Bonferroni.

    More than there are. None if 1,000 are not enough, or without pairs.
    """
    if not forecasts:
        return None
    first, indices = forecasts[0], [forecast.index for forecast in forecasts]
    alpha, margin = ALPHA / first.comparisons, _scale_margin(first.measure, first.margin)

    def sum_misses(seeds: int) -> float:
        return float((1 - first.contrasts.forecast_power(indices, seeds, alpha, margin)).sum())

    return find_seeds(sum_misses, max(first.contrasts.parts.seeds + 1, MIN_SEEDS))


def _contrast_pairs(values: MeasureValues) -> Contrasts:
    return compare_pairs(to_scale(values.measure, values.values), scale_draws(values))


def _decide_baselines(values: MeasureValues) -> dict[str, dict[str, PairDecision]]:
    """Each method against each baseline, adjusted over all of these."""
    scaled, draws = to_scale(values.measure, values.values), scale_draws(values)
    found, pairs, p = list[Contrasts](), list[tuple[str, str]](), list[Array]()
    for name, baseline in values.baselines.items():
        if values.measure.scale == "log" and baseline.value <= 0:
            continue  # such as the error of a PCA with as many dimensions as the images have
        fixed = float(to_scale(values.measure, np.array([baseline.value]))[0])
        table = None
        has_scale = values.measure.scale == "linear" or min(baseline.per_draw, default=0) > 0
        if draws is not None and len(baseline.per_draw) == draws.shape[2] and has_scale:
            own = to_scale(values.measure, np.array(baseline.per_draw))
            table = draws - (own - own.mean() + fixed)
        found.append(compare_with_values(scaled, np.full(len(scaled), fixed), table))
        pairs += [(label, name) for label in values.labels]
        p.append(found[-1].p_values())
    adjusted = iter(adjust_holm(np.concatenate(p)) if p else ())
    decided: dict[str, dict[str, PairDecision]] = {label: {} for label in values.labels}
    intervals = [(contrasts, i, interval) for contrasts in found for i, interval in enumerate(contrasts.intervals())]
    for (label, name), (contrasts, i, interval) in zip(pairs, intervals, strict=True):
        forecast = PairForecast(contrasts, i, len(pairs), values.measure, None)
        decided[label][name] = _decide_pair((label, name), forecast, interval, float(next(adjusted)))
    return decided


def _decide_contrasts(
    contrasts: Contrasts, names: Sequence[tuple[str, str]], measure: Measure, margin: float | None
) -> list[PairDecision]:
    p, intervals = adjust_holm(contrasts.p_values()), contrasts.intervals()
    within = adjust_holm(contrasts.within_p_values(_scale_margin(measure, margin))) if margin else None
    decided = list[PairDecision]()
    for i, pair in enumerate(names):
        forecast = PairForecast(contrasts, i, len(names), measure, margin)
        same = None if within is None else float(within[i])
        decided.append(_decide_pair(pair, forecast, intervals[i], float(p[i]), same))
    return decided


def _decide_pair(
    pair: tuple[str, str], forecast: PairForecast, interval: Interval, p: float, within: float | None = None
) -> PairDecision:
    """The decision on a pair, from its interval on the measure's scale and its adjusted p-values."""
    measure, mean = forecast.measure, float(forecast.contrasts.means[forecast.index])
    is_ratio = measure.scale == "log"
    outcome: PairOutcome = "undecided"
    if within is not None and within < ALPHA:
        outcome = "equivalent"
    elif p < ALPHA:
        outcome = "different"
    better = pair[(mean > 0) == (measure.better == "lower")] if outcome == "different" else ""
    shown = (exp(interval[0]), exp(interval[1])) if is_ratio else interval
    return PairDecision(
        *pair,
        exp(mean) if is_ratio else mean,
        shown,
        is_ratio,
        p,
        outcome,
        better,
        within,
        forecast if outcome == "undecided" else None,
    )


def _decide_method(
    label: str, labels: Sequence[str], pairs: Mapping[tuple[str, str], PairDecision], seeds: int
) -> MethodDecision:
    found = {other: pairs.get((label, other)) or pairs.get((other, label)) for other in labels if other != label}
    own = {other: pair for other, pair in found.items() if pair}
    better = tuple(other for other, pair in own.items() if pair.better == label)
    worse = tuple(other for other, pair in own.items() if pair.better == other)
    same = tuple(other for other, pair in own.items() if pair.outcome == "equivalent")
    open_ = tuple(pair for pair in own.values() if pair.outcome == "undecided")
    state: MethodState = "worse" if worse else "undecided" if open_ else "not worse" if same else "best"
    return MethodDecision(
        label,
        state if own and seeds >= MIN_SEEDS else "undecided",
        better_than=better,
        worse_than=worse,
        equivalent_to=same,
        undecided_pairs=open_,
    )


def _find_unusual_spread(values: MeasureValues) -> frozenset[str]:
    """Methods whose spread over seeds, without what a seed does to all, is far from the usual one."""
    scaled = to_scale(values.measure, values.values)
    first, second = np.triu_indices(len(scaled), 1)
    unusual = find_unusual_spread((scaled[first] - scaled[second]).var(1, ddof=1))
    return frozenset(label for label, is_unusual in zip(values.labels, unusual, strict=True) if is_unusual)


def _fits_scale(values: MeasureValues) -> bool:
    return values.measure.scale == "linear" or bool((values.values > 0).all())


def to_scale(measure: Measure, values: Array) -> Array:
    """Values on the scale on which a measure is tested."""
    return np.log(values) if measure.scale == "log" else values


def scale_draws(values: MeasureValues) -> Array | None:
    """The values over each draw on the measure's scale, whose means are exactly the scaled values."""
    if values.per_draw is None or (values.measure.scale == "log" and not (values.per_draw > 0).all()):
        return None
    scaled = to_scale(values.measure, values.per_draw)
    return scaled + (to_scale(values.measure, values.values) - scaled.mean(2))[:, :, None]


def _scale_margin(measure: Measure, margin: float | None) -> float:
    """A margin on the scale of the test: on a log scale, a relative margin of 5 % is log(1.05)."""
    return log1p(margin or 0.0) if measure.scale == "log" else margin or 0.0
