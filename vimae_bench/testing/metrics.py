"""The contract of metrics."""

import math
from collections.abc import Iterator, Mapping

import torch

from ..core.results import Estimate
from ..models.posteriors import Deterministic, Gaussian, NoisyInputEncoder, PosteriorFamily, TruncatedNormal
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Metric
from .contract import check, require
from .fixtures import ReconstructionObjective, example_evaluation
from .settings import SETTINGS

FAMILIES = (Gaussian(), Deterministic(), NoisyInputEncoder(TruncatedNormal(0.01)))
FEW = 300
"""Test images where the values themselves do not matter."""


@check
def measures_have_unique_names(metric: Metric) -> None:
    """`measures()` names at least one measure, and none twice."""
    names = _list_names(metric)
    require(len(names) == len({*names}) > 0, f"measures() names {names}; each name once, and at least one")


@check
def estimates_are_finite(metric: Metric) -> None:
    """Estimates have the names of measures, finite values of at least one item, and no negative standard errors."""
    for estimates in _collect_estimates(metric):
        unknown = {*estimates} - {*_list_names(metric)}
        require(not unknown, f"gives {sorted(unknown)}, which measures() does not name")
        for name, e in estimates.items():
            is_valid = math.isfinite(e.value) and e.n >= 1 and (e.se is None or e.se >= 0)
            require(is_valid, f"'{name}' is {e.value} from {e.n} items with standard error {e.se}")


@check
def draws_average_to_the_value(metric: Metric) -> None:
    """Where an estimate keeps the values over its draws, it is their mean."""
    for estimates in _collect_estimates(metric):
        for name, e in estimates.items():
            mean = sum(e.per_draw) / max(len(e.per_draw), 1)
            is_mean = not e.per_draw or math.isclose(mean, e.value, rel_tol=1e-5, abs_tol=1e-9)
            require(is_mean, f"'{name}' is {e.value}, and the mean over its draws {mean}")


@check
def same_model_same_values(metric: Metric) -> None:
    """Measured twice, a model has the same values, bit for bit: draw inside `evaluation.with_seed`."""
    first, second = (metric(example_evaluation(ReconstructionObjective(Gaussian()), FEW)) for _ in range(2))
    different = [name for name in first if first[name] != second.get(name)]
    require(
        not different,
        f"measured twice, one model has different values of {different}; draw inside evaluation.with_seed",
    )


@check
def nan_is_not_hidden(metric: Metric) -> None:
    """A model whose weights are NaN has no finite value, or raises an error."""
    evaluation = example_evaluation(ReconstructionObjective(Gaussian()), FEW)
    with torch.no_grad():
        for p in evaluation.model.parameters():
            p.fill_(torch.nan)
    try:
        estimates = metric(evaluation)
    except Exception:  # of any kind
        return
    finite = {name: e.value for name, e in estimates.items() if math.isfinite(e.value)}
    require(not finite, f"a model whose weights are NaN has {finite}")


def _list_names(metric: Metric) -> list[str]:
    return [measure.name for measure in metric.measures()]


def _make_evaluation(family: PosteriorFamily) -> Evaluation:
    return example_evaluation(ReconstructionObjective(family))


def _collect_estimates(metric: Metric) -> Iterator[Mapping[str, Estimate]]:
    """The estimates for each family of posteriors, and for each baseline."""
    for family in FAMILIES:
        yield metric(_make_evaluation(family))
    evaluation = _make_evaluation(Deterministic())
    yield from metric.references(evaluation.splits, evaluation.spec, evaluation.dataset).values()


METRIC = (
    measures_have_unique_names,
    estimates_are_finite,
    draws_average_to_the_value,
    same_model_same_values,
    nan_is_not_hidden,
    *SETTINGS,
)
