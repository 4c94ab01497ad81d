"""`vimae-bench figures`: every figure that results support, for a page, a paper or a talk."""

from pathlib import Path

import click

from ..analysis.load import load_benchmark_results
from ..core.errors import BenchError, escape_control_characters
from .options import FILE, file_argument, override_option, pause_garbage_collection, results_option

FORMATS = ("png", "svg", "pdf")


@click.command()
@file_argument
@results_option
@click.option("--output", required=True, type=FILE, help="The folder to write the figures to.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="png", show_default=True, help="The file format.")
@override_option
def figures(file: Path, results: Path, output: Path, form: str, overrides: tuple[str, ...]) -> None:
    """Draw every figure that the results of a benchmark support.

    FILE is a benchmark file, a results folder, or an archive of one. For each table: every measure with its intervals,
    rate and distortion, accuracy under corruption, win rates, training curves, two-dimensional codes, and a grid of
    reconstructions and samples. Nothing is drawn of what was not measured.

    \b
    Examples:
      vimae-bench figures results/fig1 --output figures
      vimae-bench figures benchmarks/quickstart.toml --output paper/figures --format pdf
    """
    from ..reports.all_figures import draw_named_figures, list_tables_without_images
    from ..reports.plot_style import save_figure

    with pause_garbage_collection():
        found = load_benchmark_results(file, results, overrides)
        _ = found.leaderboards
    path = None
    for name, figure in draw_named_figures(found):
        path = output / f"{name}.{form}"
        save_figure(figure, path)
        click.echo(path)
    if path is None:
        raise BenchError(f"{found.store.path}: no run has finished, so there is nothing to draw")
    for title in list_tables_without_images(found.run_results):
        click.echo(
            escape_control_characters(f"{title}: no reconstructions and samples, since no run has kept images"),
            err=True,
        )
