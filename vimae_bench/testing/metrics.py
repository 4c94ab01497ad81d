"""The contract of metrics."""

import math
from collections.abc import Iterator, Mapping

import torch

from ..core.results import Estimate
from ..models.posteriors import Deterministic, Gaussian, NoisyInputEncoder, PosteriorFamily, TruncatedNormal
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Metric
from .contract import check, expect
from .fixtures import Plain, example_evaluation
from .settings import SETTINGS

FAMILIES = (Gaussian(), Deterministic(), NoisyInputEncoder(TruncatedNormal(0.01)))
FEW = 300
"""Test images where the numbers themselves do not matter."""


@check
def names_its_measures(metric: Metric) -> None:
    """`measures()` names at least one measure, and each of them once."""
    names = _names(metric)
    expect(len(names) == len({*names}) > 0, f"measures() names {names}; each name once, and at least one")


@check
def estimates_are_sound(metric: Metric) -> None:
    """It gives what it names: finite values of at least one item, standard errors that are not negative."""
    for estimates in _estimates(metric):
        unknown = {*estimates} - {*_names(metric)}
        expect(not unknown, f"gives {sorted(unknown)}, which measures() does not name")
        for name, e in estimates.items():
            sound = math.isfinite(e.value) and e.n >= 1 and (e.se is None or e.se >= 0)
            expect(sound, f"'{name}' is {e.value} from {e.n} items with standard error {e.se}")


@check
def same_model_same_numbers(metric: Metric) -> None:
    """Of one model it gives the same numbers again, bit for bit: draws have names (`evaluation.with_seed`)."""
    first, second = (metric(example_evaluation(Plain(Gaussian()), FEW)) for _ in range(2))
    unlike = [name for name in first if first[name] != second.get(name)]
    expect(not unlike, f"measured twice, one model has different values of {unlike}; draw inside evaluation.with_seed")


@check
def a_nan_is_seen(metric: Metric) -> None:
    """Of a model whose weights are NaN it gives no number, or raises: a NaN is never swallowed."""
    evaluation = example_evaluation(Plain(Gaussian()), FEW)
    with torch.no_grad():
        for p in evaluation.model.parameters():
            p.fill_(torch.nan)
    try:
        estimates = metric(evaluation)
    except Exception:  # however it is told
        return
    finite = {name: e.value for name, e in estimates.items() if math.isfinite(e.value)}
    expect(not finite, f"a model whose weights are NaN has {finite}")


def _names(metric: Metric) -> list[str]:
    return [measure.name for measure in metric.measures()]


def _trial(family: PosteriorFamily) -> Evaluation:
    return example_evaluation(Plain(family))


def _estimates(metric: Metric) -> Iterator[Mapping[str, Estimate]]:
    """What a metric gives for each family of posteriors, and for what needs no training."""
    for family in FAMILIES:
        yield metric(_trial(family))
    evaluation = _trial(Deterministic())
    yield from metric.references(evaluation.splits, evaluation.spec, evaluation.dataset).values()


METRIC = (names_its_measures, estimates_are_sound, same_model_same_numbers, a_nan_is_seen, *SETTINGS)
