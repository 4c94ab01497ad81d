"""`vimae-bench plan`: what a benchmark would run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from ..config.matrix import read_matrix, select_entries
from ..core.errors import legible
from ..core.spec import Cell
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


def unmeasured(matrix: Sequence[Cell], store: ResultsFolder) -> list[Cell]:
    """The cells with the slow metrics that are still to be measured of them, and no other metric."""
    known = get_catalog()
    slow = {c.use for cell in matrix for c in cell.metrics if known.get_entry("metric", c.use).slow}
    left = [
        replace(
            cell,
            metrics=tuple(
                m for m in cell.metrics if m.use in slow and not store.run_folder(cell.run).metric(m).exists()
            ),
        )
        for cell in matrix
    ]
    return [cell for cell in left if cell.metrics]


def show_costs(matrix: Sequence[Cell], device: str, data: Path) -> None:
    """How long the metrics of these cells take, where that is minutes; torch is loaded only if there are any."""
    if matrix:
        from ..engine.cost import costs

        for line in costs(matrix, data, device):
            click.echo(line)


def show(matrix: Sequence[Cell], store: ResultsFolder) -> None:
    """One line for each run, and how many there are in each state."""
    states = [store.get_state(cell) for cell in matrix]
    columns = [
        (state, legible(cell.label), cell.run.dataset.use, cell.run.architecture.use, f"seed {cell.seed}", cell.run.key)
        for cell, state in zip(matrix, states, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    rows = ("  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)) for line in columns)
    click.echo("\n".join(rows))
    counts = ", ".join(f"{n} {state}" for state, n in Counter(states).items())
    click.echo(f"{len(matrix)} run{'s' * (len(matrix) != 1)}: {counts}")
