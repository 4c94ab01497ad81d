"""Methods of a table that differ in one number: points of one curve."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any, cast

from ..core.canonical import canonical_json
from ..core.spec import Run
from ..plugin.catalog import get_catalog
from .leaderboard_data import Leaderboard, LeaderboardRow

MIN_VALUES = 3
"""Fewer points than this make no curve."""
ERROR_STRETCH = {"unit": 1.0, "sym": 4.0}
"""The squared error of pixels in each range, divided by that in [0, 1]."""


@dataclass(frozen=True)
class Sweep:
    """Methods that differ only in the number `setting`, such as `beta`: their labels by its ascending values."""

    setting: str
    labels: Mapping[float, str]

    @property
    def name(self) -> str:
        """What the labels have in common, or the first and the last one, with the range of the setting."""
        low, *_, high = self.labels
        shared = commonprefix([*self.labels.values()])  # noqa: RUF071 - of texts
        if shared and all(label == f"{shared}{value:g}" for value, label in self.labels.items()):
            return f"{shared}{low:g} to {high:g}"
        start = shared.rstrip("0123456789. ,=:(") or f"{self.labels[low]} to {self.labels[high]}"
        return f"{start}, {self.setting} {low:g} to {high:g}"


def find_sweeps(leaderboard: Leaderboard) -> list[Sweep]:
    """The sweeps of a table, of three values or more; a method may be in several."""
    rows = [row for row in leaderboard.rows if not row.control_of]
    settings = {row.label: _collect_settings(row) for row in rows}
    groups: dict[tuple[str, str], dict[float, str]] = {}
    for label, own in settings.items():
        for name, value in own.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                rest = canonical_json({other: own[other] for other in own if other != name})
                groups.setdefault((name, rest), {})[float(value)] = label
    return [
        Sweep(name.rpartition(".")[2], dict(sorted(labels.items())))
        for (name, _), labels in groups.items()
        if len(labels) >= MIN_VALUES
    ]


def find_error_weight(leaderboard: Leaderboard) -> float | None:
    """The weight c of the squared error, in [0, 1] units, in the objectives of a table; None if they have several.

    It is the setting that some preset computes from the standard deviation of a Gaussian decoder, c = 1/(2 sigma^2),
    so that -c * SSE is the log-likelihood up to a constant.
    """
    names = {preset.scale_from_sigma for preset in get_catalog().presets.values()} - {""}
    stretch = ERROR_STRETCH.get(leaderboard.dataset.settings.get("pixel_range", ""))
    if stretch is None:
        return None
    runs = [run for row in leaderboard.rows if (run := _get_run(row))]
    weights = {
        float(run.objective.settings[name]) * stretch for run in runs for name in names & run.objective.settings.keys()
    }
    return weights.pop() if len(weights) == 1 else None


def _get_run(row: LeaderboardRow) -> Run | None:
    return next((result.entry.run for result in row.run_results.values()), None)


def _collect_settings(row: LeaderboardRow) -> dict[str, Any]:
    """The objective and the prior with all settings, by dotted names."""
    run = _get_run(row)
    return dict(_list_settings("", {"objective": run.objective.as_json(), "prior": run.prior.as_json()})) if run else {}


def _list_settings(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, part in cast("dict[str, object]", value).items():
            yield from _list_settings(f"{prefix}.{name}" if prefix else name, part)
    else:
        yield prefix, value
