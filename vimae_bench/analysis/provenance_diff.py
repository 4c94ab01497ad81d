"""Differences between two sets of results other than their values: settings, metrics, data, versions, machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.canonical import Json
from ..core.spec import disambiguating_suffix
from ..storage.store import RunResult
from .footnotes import MAX_LISTED, flatten_made_by, format_count, note_data, note_definitions

FlatFields = Mapping[str, object]


def describe_differences(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """Sentences on how the runs of A and B, paired by seed, differ in settings, metrics, data and versions."""
    pairs = list(zip(a, b, strict=True))
    if other := _format_differences([(_get_run_settings(one), _get_run_settings(other)) for one, other in pairs]):
        yield f"A and B differ in {other}."
    yield from note_data([*a, *b])
    if other := _format_differences([_get_metric_settings(one, other) for one, other in pairs]):
        yield f"A and B are measured with different settings: {other}."
    yield from note_definitions([*a, *b])
    done = [(one, other) for one, other in pairs if one.status == other.status == "done"]
    if other := _format_differences([(_get_versions(one), _get_versions(other)) for one, other in done]):
        yield f"A and B are from different versions or machines: {other}."
    if done and all(one.estimates == other.estimates for one, other in done):
        yield f"All values of {format_count(len(done), 'pair')} of runs are identical in A and B."


def has_same_data(a: RunResult, b: RunResult) -> bool:
    """Whether two runs used the same arrays, by their sha256."""
    return (a.record.get("data") or {}) == (b.record.get("data") or {})


def _format_differences(pairs: Sequence[tuple[FlatFields, FlatFields]]) -> str:
    """Such as `latent (A: 2, B: 8), training.epochs (A: 80, B: 5)`, from the fields of each pair of runs."""
    names = sorted({name for one, other in pairs for name in {**one, **other}})
    return ", ".join(filter(None, (_format_contrast(name, pairs) for name in names)))


def _format_contrast(name: str, pairs: Sequence[tuple[FlatFields, FlatFields]]) -> str:
    found = [(str(one.get(name, "none")), str(other.get(name, "none"))) for one, other in pairs]
    if all(one == other for one, other in found):
        return ""
    a, b = zip(*found, strict=True)
    return f"{name} (A: {_join_values(a)}, B: {_join_values(b)})"


def _join_values(values: Sequence[str]) -> str:
    """The distinct values, or their number if there are many."""
    found = sorted(set(values))
    return " and ".join(found) if len(found) <= MAX_LISTED else format_count(len(found), "different value")


def _get_run_settings(result: RunResult) -> FlatFields:
    """Everything that determines a run except its seed."""
    return {name: value for name, value in _flatten_settings(result.entry.run.as_json()) if name != "seed"}


def _get_metric_settings(a: RunResult, b: RunResult) -> tuple[FlatFields, FlatFields]:
    """The settings of the metrics that both runs have."""
    one, other = (
        {
            metric.name + disambiguating_suffix(metric, run.entry.metrics): metric.as_json()
            for metric in run.entry.metrics
        }
        for run in (a, b)
    )
    shared = one.keys() & other.keys()
    first, second = ({name: settings[name] for name in shared} for settings in (one, other))
    return dict(_flatten_settings(first)), dict(_flatten_settings(second))


def _get_versions(result: RunResult) -> FlatFields:
    return flatten_made_by(result.record.get("made_by") or {})


def _flatten_settings(value: Any, at: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401
    if not isinstance(value, dict):
        yield at, value
        return
    inner: Json = value
    for name, part in inner.items():
        yield from _flatten_settings(part, f"{at}.{name}" if at else str(name))
