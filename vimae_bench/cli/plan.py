"""`vimae-bench plan`: what a benchmark would run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from ..plan.matrix import select
from ..records import Cell
from ..results.store import Store
from .options import file_argument, filter_option, override_option, planned, results_option


@click.command()
@file_argument
@filter_option
@override_option
@results_option
def plan(file: Path, words: str, overrides: tuple[str, ...], results: Path) -> None:
    """List the runs of a benchmark with their state, and start nothing.

    \b
    Example:
      vimae-bench plan benchmarks/fig1.toml -k "vimae s0"
    """
    benchmark, matrix = planned(file, overrides)
    show(select(matrix, words), Store(results / benchmark.name))


def show(matrix: Sequence[Cell], store: Store) -> None:
    """One line for each run, and how many there are in each state."""
    width = max(len(cell.label) for cell in matrix)
    states = [store.state(cell) for cell in matrix]
    for cell, state in zip(matrix, states, strict=True):
        run = cell.run
        where = f"{run.dataset.use}  {run.architecture.use}  seed {run.seed}"
        click.echo(f"{state:8}  {cell.label:{width}}  {where}  {run.key}")
    counts = ", ".join(f"{n} {state}" for state, n in Counter(states).items())
    click.echo(f"{len(matrix)} run{'s' * (len(matrix) != 1)}: {counts}")
