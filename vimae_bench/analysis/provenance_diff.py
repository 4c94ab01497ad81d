"""In what two sets of results differ besides their numbers: settings, metrics, data, versions, machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.canonical import Json
from ..storage.metric_file import suffix_of
from ..storage.store import RunResult
from .footnotes import LISTED, data, definitions, made_by, many

Told = Mapping[str, object]


def unlike(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """What sides A and B, paired by seed, were given, measured by and made by that is not the same."""
    pairs = list(zip(a, b, strict=True))
    if other := _differing([(_settings(one), _settings(other)) for one, other in pairs]):
        yield f"The two sides differ in {other}."
    yield from data([*a, *b])
    if other := _differing([_metrics(one, other) for one, other in pairs]):
        yield f"They are measured with other settings: {other}."
    yield from definitions([*a, *b])
    done = [(one, other) for one, other in pairs if one.status == other.status == "done"]
    if other := _differing([(_versions(one), _versions(other)) for one, other in done]):
        yield f"They were made by other versions or machines: {other}."
    if done and all(one.estimates == other.estimates for one, other in done):
        yield f"Every number of {many(len(done), 'pair')} of runs is the same on both sides."


def same_data(a: RunResult, b: RunResult) -> bool:
    """Whether two runs saw the same arrays, by their sha256."""
    return (a.record.get("data") or {}) == (b.record.get("data") or {})


def _differing(told: Sequence[tuple[Told, Told]]) -> str:
    """Such as `latent (A: 2, B: 8), training.epochs (A: 80, B: 5)`, from what is told of each pair of runs."""
    names = sorted({name for one, other in told for name in {**one, **other}})
    return ", ".join(filter(None, (_contrast(name, told) for name in names)))


def _contrast(name: str, told: Sequence[tuple[Told, Told]]) -> str:
    found = [(str(one.get(name, "none")), str(other.get(name, "none"))) for one, other in told]
    if all(one == other for one, other in found):
        return ""
    a, b = zip(*found, strict=True)
    return f"{name} (A: {_spelt(a)}, B: {_spelt(b)})"


def _spelt(values: Sequence[str]) -> str:
    """Different values, each once."""
    found = sorted(set(values))
    return " and ".join(found) if len(found) <= LISTED else many(len(found), "different one")


def _settings(result: RunResult) -> Told:
    """All that decides a run but its seed, which pairs it."""
    return {name: value for name, value in _flat(result.entry.run.as_json()) if name != "seed"}


def _metrics(a: RunResult, b: RunResult) -> tuple[Told, Told]:
    """The settings of the metrics that both runs are measured by."""
    one, other = (
        {metric.name + suffix_of(metric, run.entry.metrics): metric.as_json() for metric in run.entry.metrics}
        for run in (a, b)
    )
    shared = one.keys() & other.keys()
    return dict(_flat({name: one[name] for name in shared})), dict(_flat({name: other[name] for name in shared}))


def _versions(result: RunResult) -> Told:
    return made_by(result.record.get("made_by") or {})


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401
    if not isinstance(value, dict):
        yield at, value
        return
    inner: Json = value
    for name, part in inner.items():
        yield from _flat(part, f"{at}.{name}" if at else str(name))
