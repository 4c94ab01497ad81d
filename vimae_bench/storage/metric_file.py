"""The file of one metric, read back and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core.canonical import check_type, is_number
from ..core.errors import ResultsError
from ..core.results import Estimate, Measure
from ..core.spec import PluginSpec
from .atomic import read_json


@dataclass(frozen=True)
class MetricResults:
    """What one metric measures, and the estimates in each row of its file; a run's own metric has the row `""`."""

    measures: Mapping[str, Measure]
    rows: Mapping[str, Mapping[str, Estimate]]


def read_metric_file(path: Path, suffix: str = "") -> MetricResults:
    """A metric's file, `suffix` added to the names of its measures. Raises ResultsError if it is damaged."""
    raw = read_json(path)
    try:
        rows = raw["rows"] if "rows" in raw else {"": raw["estimates"]}
        measures = {m["name"] + suffix: _measure(**{**m, "name": m["name"] + suffix}) for m in raw["measures"]}
        found = {label: _row(row, suffix) for label, row in rows.items()}
        if not all(row.keys() <= measures.keys() for row in found.values()):
            raise ValueError("some estimate is of none of its measures")
        return MetricResults(measures, found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: is not as a metric writes it ({error!r}); remove it and run again") from error


@lru_cache(maxsize=1024, typed=True)
def _measure(**raw: Any) -> Measure:  # noqa: ANN401
    """One object for all runs that measure the same, so that thousands of them are compared by a look."""
    measure = Measure(**raw)
    for name, kind in (("name", str), ("unit", str), ("version", int), ("ranks_collapsed", bool)):
        check_type(name, getattr(measure, name), kind)
    if measure.better not in ("lower", "higher", None):
        raise ValueError(f"better is {measure.better!r}")
    if measure.collapse_below is not None:
        check_type("collapse_below", measure.collapse_below, float)
    return measure


def _row(raw: Mapping[str, Any], suffix: str) -> dict[str, Estimate]:
    return {name + suffix: _estimate(name, estimate) for name, estimate in raw.items()}


def _estimate(name: str, raw: Mapping[str, Any]) -> Estimate:
    value, n, se, per_draw = raw["value"], raw["n"], raw.get("se"), tuple(raw.get("parts", ()))
    if type(n) is not int or not all(map(is_number, (value, 0.0 if se is None else se, *per_draw))):
        raise TypeError(f"{name} is {dict(raw)}")
    return Estimate(value, n, se, per_draw)


def disambiguating_suffix(metric: PluginSpec, metrics: Sequence[PluginSpec]) -> str:
    """What tells the measures of a metric from those of the same metric with other settings, such as ` kernel=rbf`."""
    twins = [other.settings for other in metrics if other.name == metric.name]
    if len(twins) < 2:
        return ""
    differing = [k for k, v in metric.settings.items() if any(twin.get(k) != v for twin in twins)]
    return "".join(f" {name}={metric.settings[name]}" for name in differing)
