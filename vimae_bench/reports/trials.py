"""What a sweep over settings came to: for the terminal, and as plain data."""

from collections.abc import Sequence
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..analysis.trials import TrialResult, TuningResult
from ..core.canonical import Json
from ..core.results import Measure
from .leaderboard_terminal import render_footnotes
from .table_format import clean_text, format_heading, format_unit

BEST_OF_SIZES = (2, 5, 10, 20, 40)
"""Of how many trials the best is expected."""


def render_tuning(
    tuned: Sequence[TuningResult], measure: Measure, notes: Sequence[str], *, independent: bool
) -> RenderableType:
    """A row for each method: what was chosen, what its trials reached; what the best of fewer would have reached.

    The latter is shown where trials were drawn independently.
    """
    sizes = [n for n in BEST_OF_SIZES if n < max(len(one.trials) for one in tuned)] if independent else []
    head = f"validation {format_heading(measure)} {format_unit(measure)}".strip()
    table = Table(title=Text(head, style="bold"), title_justify="left", header_style="", show_edge=False)
    table.add_column("method", no_wrap=True)
    table.add_column("trials", no_wrap=True, justify="right")
    for name in ("best", "median", "worst", *(f"best of {n}" for n in sizes)):
        table.add_column(name, no_wrap=True, justify="right")
    for one in tuned:
        table.add_row(Text(clean_text(one.label)), _format_trial_count(one), *_format_scores(one, sizes))
    return Group(table, Text("\n".join(("", *map(_format_chosen_settings, tuned), ""))), render_footnotes(notes))


def tuning_to_json(tuned: Sequence[TuningResult], measure: Measure) -> Json:
    """All trials of all methods."""
    methods = [
        {
            "label": one.label,
            "chosen": dict(one.best.settings) if one.best else None,
            "trials": [_trial_to_json(attempt) for attempt in one.trials],
        }
        for one in tuned
    ]
    return {"measure": measure.name, "unit": measure.unit, "better": measure.better, "methods": methods}


def _format_chosen_settings(one: TuningResult) -> str:
    """Such as `VAE, trial 7: objective.beta = 0.5`."""
    if one.best is None:
        return f"{clean_text(one.label)}: nothing to choose"
    settings = ", ".join(f"{path} = {value}" for path, value in one.best.settings.items())
    return clean_text(f"{one.label}, trial {one.best.number}: {settings}")


def _trial_to_json(attempt: TrialResult) -> Json:
    told = {"number": attempt.number, "settings": dict(attempt.settings), "value": attempt.value}
    by_seed = {str(seed): value for seed, value in attempt.by_seed.items()}
    return told | {"by_seed": by_seed} | ({"reason": attempt.reason} if attempt.reason else {})


def _format_trial_count(one: TuningResult) -> str:
    lost = len(one.trials) - len(one.values)
    return f"{len(one.trials)} ({lost} lost)" if lost else str(len(one.trials))


def _format_scores(one: TuningResult, sizes: Sequence[int]) -> list[str]:
    if not one.values:
        return ["-"] * (3 + len(sizes))
    found = (one.values[0], median(one.values), one.values[-1], *(one.expected_best(n) for n in sizes))
    return [f"{value:.4g}" for value in found]
