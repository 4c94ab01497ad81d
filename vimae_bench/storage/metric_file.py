"""Reads and checks the file of one metric."""

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core.canonical import Json, are_numbers, check_type, is_number
from ..core.errors import ResultsError
from ..core.results import Estimate, Measure
from ..core.spec import PluginSpec
from .atomic import parse_json, read_json
from .plain_files import list_plain_folder

CORRUPTION_NAME = re.compile(r"clean|(gauss|gauss_clip|mask|mask_pixel|mask_grey)_[0-9.e-]+")
DECLARED = {"metric", "measures"}
"""What is the same in the files of one metric for all runs, and comes first in them."""
MAX_DECLARED = 2**16
"""Bytes of it, many times those of any metric, that are kept to be compared."""
OLD_FAMILIES = {"rate": "rate", "sse": "distortion", "sse sampled": "sampled distortion", "mmd2": "prior mismatch"}


@dataclass(frozen=True)
class MetricResults:
    """What one metric measures, and the estimates in each row of its file; a run's own metric has the row `""`."""

    measures: Mapping[str, Measure]
    rows: Mapping[str, Mapping[str, Estimate]]
    made_from: Json = field(default_factory=dict[str, Any])
    """What it was made from and by: sums of the data, torch, device, versions; empty in files of older versions."""


def read_metric_file(path: Path, suffix: str = "") -> MetricResults:
    """A metric's file; the names of its measures end in the `suffix`. Raises ResultsError if it is damaged."""
    raw = read_json(path)
    try:
        return parse_metric_results(raw, suffix)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: is not as a metric writes it ({error!r}); remove it and run again") from error


def parse_metric_results(raw: Json, suffix: str = "") -> MetricResults:
    """What the JSON of a metric's file says; raises one of four errors of Python if it is of another form."""
    return _parse_rows(raw, _parse_measures(raw, suffix), suffix)


def parse_metric_text(data: bytes, suffix: str = "") -> MetricResults:
    """What the text of a run's metric file says, if it is laid out as `write_json` does it.

    What the files of thousands of runs declare alike is parsed once. Raises one of four errors of Python for a text
    that is damaged or laid out otherwise; `read_metric_file` tells these apart.
    """
    declared, end, rest = data.partition(b',\n "estimates":')
    if not end or len(declared) > MAX_DECLARED:
        raise ValueError("it is laid out otherwise")
    measures, own = _parse_declared(declared + b"}", suffix), parse_json(b'{"estimates":' + rest)
    if own.keys() & DECLARED:
        raise ValueError("it declares something twice")
    return _parse_rows(own, measures, suffix)


@lru_cache(maxsize=256)
def _parse_declared(text: bytes, suffix: str) -> Mapping[str, Measure]:
    raw = parse_json(text)
    if raw.keys() != DECLARED:
        raise ValueError("it is laid out otherwise")
    return _parse_measures(raw, suffix)


def _parse_measures(raw: Json, suffix: str) -> dict[str, Measure]:
    by = PluginSpec.from_json(raw["metric"])
    own: Json = {"metric": by.name, "version": by.version}
    declared = [_create_measure(suffix, **measure | own) for measure in raw["measures"]]
    return {measure.name: measure for measure in declared}


def _parse_rows(raw: Json, measures: Mapping[str, Measure], suffix: str) -> MetricResults:
    rows = raw["rows"] if "rows" in raw else {"": raw["estimates"]}
    found = {label: _parse_row(row, suffix) for label, row in rows.items()}
    if not all(row.keys() <= measures.keys() for row in found.values()):
        raise ValueError("some estimate is of none of its measures")
    made_from: Json = raw.get("made_from", {})
    check_type("made_from", made_from, dict)
    for table in ("data", "plugins", "sources"):
        check_type(table, made_from.get(table, {}), dict)
    return MetricResults(measures, found, made_from)


def is_made_from(made_from: Json, data: Mapping[str, str]) -> bool:
    """Whether a metric's file is of these data, as far as it says: of each array that both have."""
    sums: Json = made_from.get("data", {})
    return all(sums[name] == data[name] for name in sums.keys() & data.keys())


def describe_other_origin(made_from: Json, record: Json) -> str:
    """Why a metric's file is not of the run with this record, as far as both say; empty if it is."""
    data: Json = record.get("data") or {}
    other = [name for name in made_from.get("data", {}).keys() & data.keys() if made_from["data"][name] != data[name]]
    return f"was measured on other data ({', '.join(sorted(other))}) than the run was trained on" if other else ""


def read_made_from(path: Path) -> Json:
    """What a metric's file was made from and by; empty if it is damaged or does not say."""
    try:
        return read_metric_file(path).made_from
    except ResultsError:
        return {}


def find_older_version(path: Path, metric: PluginSpec, metrics: Sequence[PluginSpec]) -> tuple[int, Path] | None:
    """The newest older version of a metric that has a file next to `path`, which is the metric's own, and that file.

    Its settings may not differ from the metric's, nor fit another of the `metrics` of a run as well; either version may
    have settings that the other lacks.
    """
    prefix = path.name.removesuffix(f"{metric.key}.json") + metric.name
    twins = [other for other in metrics if other.name == metric.name]
    found = list[tuple[int, Path]]()
    for other in list_plain_folder(path.parent, f"{glob.escape(prefix)}-*.json"):
        older = _read_metric_spec(other)
        if older and [twin for twin in twins if _is_older_version(older, twin)] == [metric]:
            found.append((older.version, other))
    return max(found, default=None)


def _read_metric_spec(path: Path) -> PluginSpec | None:
    """The metric that a file is of; None if it is damaged."""
    try:
        return PluginSpec.from_json(read_json(path)["metric"])
    except (ResultsError, AttributeError, KeyError, TypeError, ValueError):
        return None


def _is_older_version(older: PluginSpec, metric: PluginSpec) -> bool:
    both = older.settings.keys() & metric.settings.keys()
    same = all(older.settings[name] == metric.settings[name] for name in both)
    return older.name == metric.name and older.version < metric.version and same


@lru_cache(maxsize=1024, typed=True)
def _create_measure(suffix: str, **raw: Any) -> Measure:  # noqa: ANN401
    """One object for all runs that measure the same, so that thousands of them are compared by identity."""
    complete: Json = raw if "family" in raw else raw | derive_old_fields(raw["name"])
    if "ranks_collapsed" in complete:
        complete = (
            complete
            | derive_old_scale(complete["name"], complete["unit"])
            | {"rewards_collapse": not complete["ranks_collapsed"]}
        )
        del complete["ranks_collapsed"]
    measure = Measure(**complete)
    for declared in fields(measure):
        if declared.type in (str, int, bool):
            check_type(declared.name, getattr(measure, declared.name), declared.type)
    if measure.better not in ("lower", "higher", None):
        raise ValueError(f"better is {measure.better!r}")
    for name in ("collapse_below", "margin", "target"):
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


def derive_old_scale(name: str, unit: str) -> Json:
    """The scale and margin of a measure from its name and unit, for files from before measures declared them."""
    if name in ("sse", "sse sampled", "mse"):
        return {"scale": "log", "margin": 0.05}
    if unit == "%":
        return {"margin": 1.0}
    return {"is_hidden": name == "mmd2"}


def _parse_row(raw: Mapping[str, Any], suffix: str) -> dict[str, Estimate]:
    return {name + suffix: _parse_estimate(name, estimate) for name, estimate in raw.items()}


def _parse_estimate(name: str, raw: Mapping[str, Any]) -> Estimate:
    value, n, se, per_draw = raw["value"], raw["n"], raw.get("se"), tuple(raw.get("parts", ()))
    numbers = is_number(value) and (se is None or is_number(se)) and (not per_draw or are_numbers(per_draw))
    if type(n) is not int or not numbers:
        raise TypeError(f"{name} is {dict(raw)}")
    return Estimate(value, n, se, per_draw)
