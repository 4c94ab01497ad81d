"""The results of tuning: for the terminal, and as JSON."""

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
"""Numbers of trials for which the expected best is shown."""


def render_tuning(
    results: Sequence[TuningResult], measure: Measure, notes: Sequence[str], *, independent: bool
) -> RenderableType:
    """A row for each method: the chosen trial, the values of its trials, and the expected best of fewer trials.

    The last is shown only if trials were drawn independently.
    """
    sizes = [n for n in BEST_OF_SIZES if n < max(len(result.trials) for result in results)] if independent else []
    head = f"validation {format_heading(measure)} {format_unit(measure)}".strip()
    table = Table(title=Text(head, style="bold"), title_justify="left", header_style="", show_edge=False)
    table.add_column("method", no_wrap=True)
    table.add_column("trials", no_wrap=True, justify="right")
    for name in ("best", "median", "worst", *(f"best of {n}" for n in sizes)):
        table.add_column(name, no_wrap=True, justify="right")
    for result in results:
        table.add_row(Text(clean_text(result.label)), _format_trial_count(result), *_format_scores(result, sizes))
    return Group(table, Text("\n".join(("", *map(_format_chosen_settings, results), ""))), render_footnotes(notes))


def tuning_to_json(results: Sequence[TuningResult], measure: Measure) -> Json:
    """All trials of all methods."""
    methods = [
        {
            "label": result.label,
            "chosen": dict(result.best.settings) if result.best else None,
            "choice": result.describe_choice(),
            "trials": [_trial_to_json(trial_result) for trial_result in result.trials],
        }
        for result in results
    ]
    return {"measure": measure.name, "unit": measure.unit, "better": measure.better, "methods": methods}


def _format_chosen_settings(result: TuningResult) -> str:
    """Such as `VAE, trial 7: objective.beta = 0.5`."""
    if result.best is None:
        return f"{clean_text(result.label)}: nothing to choose"
    settings = ", ".join(f"{path} = {value}" for path, value in result.best.settings.items())
    return clean_text(f"{result.label}, trial {result.best.number}: {settings} ({result.describe_choice()})")


def _trial_to_json(trial_result: TrialResult) -> Json:
    trial = {"number": trial_result.number, "settings": dict(trial_result.settings), "value": trial_result.value}
    by_seed = {str(seed): value for seed, value in trial_result.by_seed.items()}
    return trial | {"by_seed": by_seed} | ({"reason": trial_result.reason} if trial_result.reason else {})


def _format_trial_count(result: TuningResult) -> str:
    failed = len(result.trials) - len(result.values)
    return f"{len(result.trials)} ({failed} without a value)" if failed else str(len(result.trials))


def _format_scores(result: TuningResult, sizes: Sequence[int]) -> list[str]:
    if not result.values:
        return ["-"] * (3 + len(sizes))
    scores = (result.values[0], median(result.values), result.values[-1], *(result.expected_best(n) for n in sizes))
    return [f"{value:.4g}" for value in scores]
