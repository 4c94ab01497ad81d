"""Results that are made up, for pictures of what no committed record has: five tables or more, and a search.

They come from a seed, and every picture of them says that they are made up.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import RenderableType

from vimae_bench.analysis.across_tables import CrossTable, collect_cross_tables
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.measure_texts import complete_texts
from vimae_bench.analysis.trials import TrialResult, TuningResult
from vimae_bench.core.results import Estimate, Measure
from vimae_bench.core.spec import MatrixEntry, PluginSpec, Run, Training
from vimae_bench.reports.cross_table_figures import draw_critical_differences, draw_profiles
from vimae_bench.reports.plot_axes import GREY
from vimae_bench.reports.plot_style import assign_styles
from vimae_bench.reports.plot_text import FONT_SIZE
from vimae_bench.reports.trials import render_tuning
from vimae_bench.storage.store import RunResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL = "made-up results"
TABLES = ("A", "B", "C", "D", "E", "F")
SEEDS, TRIALS = 5, 20
ERROR = replace(complete_texts(Measure("sse", "", "lower", metric="reconstruction")), scale="log")
ACCURACY = complete_texts(Measure("svm clean", "%", "higher", condition="clean", metric="svm"))
METHODS = {"AE": (1.0, 82.0), "VAE": (1.3, 88.0), "β-VAE": (1.6, 86.0), "InfoVAE": (1.05, 90.0), "WAE": (1.0, 87.0)}
"""The mean error, as a multiple of the least, and the mean accuracy of each method."""


def draw_made_up_figure(title: str) -> "Figure":
    """The figure of this title over six tables, with a note that its results are made up."""
    tables = _collect_tables()
    if title == "Critical differences":
        figure = draw_critical_differences(tables)
    else:
        figure = draw_profiles(tables, assign_styles(METHODS))
    figure.text(0.995, 0.01, LABEL, ha="right", va="bottom", fontsize=FONT_SIZE, color=GREY, style="italic")
    return figure


@cache
def _collect_tables() -> list[CrossTable]:
    return collect_cross_tables(build_leaderboards([*_make_results()]))


def _make_results() -> Iterator[RunResult]:
    generator = np.random.default_rng(0)
    for table in TABLES:
        scale = generator.uniform(10, 40)
        for label, (error, accuracy) in METHODS.items():
            own = generator.normal(0, (0.1, 2.0))
            for seed in range(SEEDS):
                noise = generator.normal(0, (0.05, 1.0)) + own
                values = {ERROR: scale * error * np.exp(noise[0]), ACCURACY: accuracy + noise[1]}
                yield _make_result(table, label, seed, {measure: float(value) for measure, value in values.items()})


def _make_result(table: str, label: str, seed: int, values: dict[Measure, float]) -> RunResult:
    parts = PluginSpec(table), PluginSpec("mlp"), PluginSpec("made up", {"row": label}), PluginSpec("normal")
    return RunResult(
        MatrixEntry(label, Run(*parts, 8, Training(), seed), ()),
        Path(f"{table}-{label}-{seed}"),
        "done",
        measures={measure.name: measure for measure in values},
        estimates={measure.name: Estimate(value, 1000) for measure, value in values.items()},
    )


def render_made_up_search() -> RenderableType:
    """What `tune` prints at its end, of two methods whose settings were drawn at random."""
    generator = np.random.default_rng(0)
    spaces = {"β-VAE": ("objective.beta", 2.0), "InfoVAE": ("objective.weight", 30.0)}
    found = [TuningResult(label, tuple(_make_trials(generator, *space)), ERROR) for label, space in spaces.items()]
    return render_tuning(found, ERROR, [f"{LABEL.capitalize()}."], independent=True)


def _make_trials(generator: np.random.Generator, path: str, best: float) -> Iterator[TrialResult]:
    """Trials whose error grows with the distance of their setting from the best, on a log scale."""
    for number in range(TRIALS):
        setting = float(f"{best * np.exp(generator.normal(0, 1.5)):.2g}")
        mean = 25 * (1 + 0.1 * np.log(setting / best) ** 2)
        by_seed = {seed: float(mean + generator.normal(0, 0.4)) for seed in range(3)}
        yield TrialResult(number, {path: setting}, by_seed, sum(by_seed.values()) / 3)
