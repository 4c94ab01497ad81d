"""`vimae-bench plan`: what a benchmark would run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from ..config.matrix import read_matrix, select_entries
from ..core.errors import escape_control_characters
from ..engine.run_plan import (
    RunPlan,
    describe_costs,
    explain_other_sources,
    explain_other_versions,
    explain_unmeasurable,
    prepare_run,
)
from .options import data_option, data_root, file_argument, filter_option, override_option, results_option


@click.command()
@file_argument
@filter_option
@override_option
@results_option
@data_option
def plan(file: Path, words: str, overrides: tuple[str, ...], results: Path, data: Path | None) -> None:
    """List the runs of a benchmark, and start nothing.

    Each is shown with its state, and in the end what the rest will cost.

    \b
    Example:
      vimae-bench plan benchmarks/fig1.toml -k "vimae s0"
    """
    benchmark, matrix = read_matrix(file, overrides)
    entries = select_entries(matrix, words)
    run_plan = prepare_run(benchmark, entries, results / benchmark.name, data_root(data))
    show_plan(run_plan)
    for line in describe_costs(run_plan):
        click.echo(line)


def show_plan(plan: RunPlan) -> None:
    """Print a line for each run, and how many runs there are in each state."""
    rows = [
        (
            state,
            escape_control_characters(entry.label),
            run.dataset.title,
            run.architecture.title,
            f"seed {entry.seed}",
            run.key,
        )
        for entry, state in zip(plan.entries, plan.states, strict=True)
        if (run := entry.run)
    ]
    click.echo("\n".join(_align(rows)))
    counts = ", ".join(f"{n} {state}" for state, n in Counter(plan.states).items())
    click.echo(f"{len(rows)} run{'s' * (len(rows) != 1)}: {counts}")
    for line in (*explain_unmeasurable(plan), *explain_other_sources(plan), *explain_other_versions(plan)):
        click.echo(line)


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)) for row in rows]
