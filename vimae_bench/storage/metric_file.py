"""Reads and checks the file of one metric."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core.canonical import Json, check_type, is_number
from ..core.errors import ResultsError
from ..core.results import Estimate, Measure
from .atomic import read_json

CORRUPTION_NAME = re.compile(r"clean|(gauss|gauss_clip|mask|mask_pixel|mask_grey)_[0-9.e-]+")
ACCURACIES = ("svm", "tsvm", "episodes")
OLD_FAMILIES = {"rate": "rate", "sse": "distortion", "sse sampled": "sampled distortion", "mmd2": "prior mismatch"}


@dataclass(frozen=True)
class MetricResults:
    """What one metric measures, and the estimates in each row of its file; a run's own metric has the row `""`."""

    measures: Mapping[str, Measure]
    rows: Mapping[str, Mapping[str, Estimate]]


def read_metric_file(path: Path, suffix: str = "") -> MetricResults:
    """A metric's file; the names of its measures end in the `suffix`. Raises ResultsError if it is damaged."""
    raw = read_json(path)
    try:
        rows = raw["rows"] if "rows" in raw else {"": raw["estimates"]}
        declared = [_create_measure(suffix, **measure) for measure in raw["measures"]]
        measures = {measure.name: measure for measure in declared}
        found = {label: _parse_row(row, suffix) for label, row in rows.items()}
        if not all(row.keys() <= measures.keys() for row in found.values()):
            raise ValueError("some estimate is of none of its measures")
        return MetricResults(measures, found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: is not as a metric writes it ({error!r}); remove it and run again") from error


@lru_cache(maxsize=1024, typed=True)
def _create_measure(suffix: str, **raw: Any) -> Measure:  # noqa: ANN401
    """One object for all runs that measure the same, so that thousands of them are compared by identity."""
    complete: Json = raw if "family" in raw else raw | derive_old_fields(raw["name"])
    if "ranks_collapsed" in complete:
        complete = complete | derive_old_scale(complete["name"]) | {"rewards_collapse": not complete["ranks_collapsed"]}
        del complete["ranks_collapsed"]
    measure = Measure(**complete)
    for field in fields(measure):
        if field.type in (str, int, bool):
            check_type(field.name, getattr(measure, field.name), field.type)
    if measure.better not in ("lower", "higher", None):
        raise ValueError(f"better is {measure.better!r}")
    for name in ("collapse_below", "margin"):
        if getattr(measure, name) is not None:
            check_type(name, getattr(measure, name), float)
    if measure.scale not in ("linear", "log"):
        raise ValueError(f"scale is {measure.scale!r}")
    return measure.with_suffix(suffix)


def derive_old_fields(name: str) -> dict[str, str]:
    """The family and condition of a measure from its name, for files from before measures declared them."""
    words = name.split(" ")
    for i, word in enumerate(words):
        if i and CORRUPTION_NAME.fullmatch(word):
            return {"family": " ".join(words[:i] + words[i + 1 :]), "condition": word}
    return {"family": OLD_FAMILIES.get(name, "")}


def derive_old_scale(name: str) -> Json:
    """The scale and margin of a measure from its name, for files from before measures declared them."""
    if name in ("sse", "sse sampled", "mse"):
        return {"scale": "log", "margin": 0.05}
    if name.split(" ")[0] in ACCURACIES:
        return {"margin": 1.0}
    return {"is_hidden": name == "mmd2"}


def _parse_row(raw: Mapping[str, Any], suffix: str) -> dict[str, Estimate]:
    return {name + suffix: _parse_estimate(name, estimate) for name, estimate in raw.items()}


def _parse_estimate(name: str, raw: Mapping[str, Any]) -> Estimate:
    value, n, se, per_draw = raw["value"], raw["n"], raw.get("se"), tuple(raw.get("parts", ()))
    if type(n) is not int or not all(map(is_number, (value, 0.0 if se is None else se, *per_draw))):
        raise TypeError(f"{name} is {dict(raw)}")
    return Estimate(value, n, se, per_draw)
