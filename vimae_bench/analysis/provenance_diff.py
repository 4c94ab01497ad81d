"""In what two sets of results differ besides their numbers: settings, metrics, data, versions, machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.canonical import Json
from ..storage.metric_file import disambiguating_suffix
from ..storage.store import RunResult
from .footnotes import MAX_LISTED, flatten_made_by, format_count, note_data, note_definitions

FlatFields = Mapping[str, object]


def describe_differences(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """What sides A and B, paired by seed, were given, measured by and made by that is not the same."""
    pairs = list(zip(a, b, strict=True))
    if other := _format_differences([(_get_run_settings(one), _get_run_settings(other)) for one, other in pairs]):
        yield f"The two sides differ in {other}."
    yield from note_data([*a, *b])
    if other := _format_differences([_get_metric_settings(one, other) for one, other in pairs]):
        yield f"They are measured with other settings: {other}."
    yield from note_definitions([*a, *b])
    done = [(one, other) for one, other in pairs if one.status == other.status == "done"]
    if other := _format_differences([(_get_versions(one), _get_versions(other)) for one, other in done]):
        yield f"They were made by other versions or machines: {other}."
    if done and all(one.estimates == other.estimates for one, other in done):
        yield f"Every number of {format_count(len(done), 'pair')} of runs is the same on both sides."


def has_same_data(a: RunResult, b: RunResult) -> bool:
    """Whether two runs saw the same arrays, by their sha256."""
    return (a.record.get("data") or {}) == (b.record.get("data") or {})


def _format_differences(told: Sequence[tuple[FlatFields, FlatFields]]) -> str:
    """Such as `latent (A: 2, B: 8), training.epochs (A: 80, B: 5)`, from what is told of each pair of runs."""
    names = sorted({name for one, other in told for name in {**one, **other}})
    return ", ".join(filter(None, (_format_contrast(name, told) for name in names)))


def _format_contrast(name: str, told: Sequence[tuple[FlatFields, FlatFields]]) -> str:
    found = [(str(one.get(name, "none")), str(other.get(name, "none"))) for one, other in told]
    if all(one == other for one, other in found):
        return ""
    a, b = zip(*found, strict=True)
    return f"{name} (A: {_join_values(a)}, B: {_join_values(b)})"


def _join_values(values: Sequence[str]) -> str:
    """Different values, each once."""
    found = sorted(set(values))
    return " and ".join(found) if len(found) <= MAX_LISTED else format_count(len(found), "different one")


def _get_run_settings(result: RunResult) -> FlatFields:
    """All that decides a run but its seed, which pairs it."""
    return {name: value for name, value in _flatten(result.entry.run.as_json()) if name != "seed"}


def _get_metric_settings(a: RunResult, b: RunResult) -> tuple[FlatFields, FlatFields]:
    """The settings of the metrics that both runs are measured by."""
    one, other = (
        {
            metric.name + disambiguating_suffix(metric, run.entry.metrics): metric.as_json()
            for metric in run.entry.metrics
        }
        for run in (a, b)
    )
    shared = one.keys() & other.keys()
    return dict(_flatten({name: one[name] for name in shared})), dict(_flatten({name: other[name] for name in shared}))


def _get_versions(result: RunResult) -> FlatFields:
    return flatten_made_by(result.record.get("made_by") or {})


def _flatten(value: Any, at: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401
    if not isinstance(value, dict):
        yield at, value
        return
    inner: Json = value
    for name, part in inner.items():
        yield from _flatten(part, f"{at}.{name}" if at else str(name))
