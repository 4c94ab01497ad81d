"""`vimae-bench plan`: what a benchmark would run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from ..config.matrix import read_matrix, select_entries
from ..core.errors import legible
from ..core.spec import MatrixEntry
from ..plugin.catalog import get_catalog
from ..storage.archive import find_results
from ..storage.store import ResultsFolder
from .options import data_option, data_root, file_argument, filter_option, override_option, results_option


@click.command()
@file_argument
@filter_option
@override_option
@results_option
@data_option
def plan(file: Path, words: str, overrides: tuple[str, ...], results: Path, data: Path | None) -> None:
    """List the runs of a benchmark with their state, and start nothing.

    \b
    Example:
      vimae-bench plan benchmarks/fig1.toml -k "vimae s0"
    """
    benchmark, matrix = read_matrix(file, overrides)
    wanted, store = select_entries(matrix, words), ResultsFolder(find_results(results / benchmark.name))
    show(wanted, store)
    show_costs(unmeasured(wanted, store), benchmark.executor.settings.get("device", "auto"), data_root(data))


def unmeasured(matrix: Sequence[MatrixEntry], store: ResultsFolder) -> list[MatrixEntry]:
    """The entries with the slow metrics that are still to be measured of them, and no other metric."""
    known = get_catalog()
    slow = {c.name for entry in matrix for c in entry.metrics if known.get_entry("metric", c.name).slow}
    left = [
        replace(
            entry,
            metrics=tuple(
                m for m in entry.metrics if m.name in slow and not store.run_folder(entry.run).metric(m).exists()
            ),
        )
        for entry in matrix
    ]
    return [entry for entry in left if entry.metrics]


def show_costs(matrix: Sequence[MatrixEntry], device: str, data: Path) -> None:
    """How long the metrics of these entries take, where that is minutes; torch is loaded only if there are any."""
    if matrix:
        from ..engine.cost import costs

        for line in costs(matrix, data, device):
            click.echo(line)


def show(matrix: Sequence[MatrixEntry], store: ResultsFolder) -> None:
    """One line for each run, and how many there are in each state."""
    states = [store.get_state(entry) for entry in matrix]
    columns = [
        (
            state,
            legible(entry.label),
            entry.run.dataset.name,
            entry.run.architecture.name,
            f"seed {entry.seed}",
            entry.run.key,
        )
        for entry, state in zip(matrix, states, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    rows = ("  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)) for line in columns)
    click.echo("\n".join(rows))
    counts = ", ".join(f"{n} {state}" for state, n in Counter(states).items())
    click.echo(f"{len(matrix)} run{'s' * (len(matrix) != 1)}: {counts}")
