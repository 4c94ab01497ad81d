"""`vimae-bench figures`: every figure that results support, for a page, a paper or a talk."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..analysis.load import BenchmarkResults, load_benchmark_results
from ..core.errors import BenchError, escape_control_characters
from ..storage.atomic import atomic_write
from .options import FILE, file_argument, override_option, results_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
LONGEST = 120
"""Characters of a file's name."""


@click.command()
@file_argument
@results_option
@click.option("--output", required=True, type=FILE, help="The folder to write them to.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="png", show_default=True, help="Their format.")
@override_option
def figures(file: Path, results: Path, output: Path, form: str, overrides: tuple[str, ...]) -> None:
    """Draw every figure that the results of a benchmark support.

    FILE is a benchmark file, or a results folder in its place. For each table: every measure with its intervals, rate
    and distortion, accuracy under corruption, who beats whom, training, two-dimensional codes, and what each method
    makes of the same images and the same noise. Nothing is drawn of what was not measured.

    \b
    Examples:
      vimae-bench figures results/fig1 --output figures
      vimae-bench figures benchmarks/quickstart.toml --output paper/figures --format pdf
    """
    for name, figure in _named(load_benchmark_results(file, results, overrides)):
        path = output / f"{name}.{form}"
        _write(figure, path, form)
        click.echo(path)


def _named(found: BenchmarkResults) -> "Iterator[tuple[str, Figure]]":
    """The figures one by one, under names of files. Raises BenchError if there is none."""
    from ..reports.all_figures import draw_figures, draw_image_grids, list_tables_without_images

    run_results, taken = found.store.load_results(found.entries), Counter[str]()
    for title, _, figure in chain(draw_figures(found.leaderboards, run_results), draw_image_grids(run_results)):
        name = slug(title)
        taken[name] += 1
        yield name if taken[name] == 1 else f"{name}-{taken[name]}", figure
    if not taken:
        raise BenchError(f"{found.store.path}: no run has finished, so there is nothing to draw")
    for title in list_tables_without_images(run_results):
        click.echo(
            escape_control_characters(f"{title}: no reconstructions and samples, for no run has kept pictures"),
            err=True,
        )


def slug(title: str) -> str:
    """A title made the name of a file: `Training, mnist, d = 2` is `training-mnist-d-2`."""
    return "-".join(re.findall(r"\w+", title.lower()))[:LONGEST] or "figure"


def _write(figure: "Figure", path: Path, form: str) -> None:
    from ..reports.plot_style import encode_figure

    data = encode_figure(figure, form)
    try:
        atomic_write(path, lambda temporary: temporary.write_bytes(data))
    except OSError as error:
        raise BenchError(f"{path}: cannot be written: {error.strerror}") from error
