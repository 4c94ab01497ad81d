"""`vimae-bench figures`: every figure that results support, for a page, a paper or a talk."""

from pathlib import Path

import click

from ..analysis.load import load_benchmark_results
from ..core.errors import BenchError, escape_control_characters
from .options import FILE, file_argument, override_option, pause_garbage_collection, results_option, write_output

FORMATS = ("png", "svg", "pdf")


@click.command()
@file_argument
@results_option
@click.option("--output", required=True, type=FILE, help="The folder to write the figures to.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="png", show_default=True, help="The file format.")
@click.option(
    "--width",
    default="text",
    show_default=True,
    metavar="column|text|INCHES",
    help="The width in print: 3.25 inches for column (ICML, CVPR), 5.5 for text (NeurIPS, ICLR).",
)
@override_option
def figures(file: Path, results: Path, output: Path, form: str, width: str, overrides: tuple[str, ...]) -> None:
    """Draw every figure that the results of a benchmark support.

    FILE is a benchmark file, a results folder, or an archive of one. For each table: every measure with its intervals,
    rate and distortion, accuracy under corruption, win rates, training curves, two-dimensional codes, and a grid of
    reconstructions and samples. Nothing is drawn of what was not measured. Text has 7 points at the chosen width, and
    figures have no titles: their captions are in captions.md.

    \b
    Examples:
      vimae-bench figures results/fig1 --output figures
      vimae-bench figures benchmarks/quickstart.toml --output paper --format pdf --width column
    """
    from ..reports.all_figures import draw_named_figures, list_omissions
    from ..reports.plot_style import parse_width, save_figure

    inches = parse_width(width)
    with pause_garbage_collection():
        found = load_benchmark_results(file, results, overrides)
        _ = found.leaderboards
    captions = dict[str, str]()
    for name, caption, figure in draw_named_figures(found, inches):
        path = output / f"{name}.{form}"
        save_figure(figure, path)
        captions[path.name] = caption
        click.echo(path)
    if not captions:
        raise BenchError(f"{found.store.path}: no run has finished, so there is nothing to draw")
    text = "\n\n".join(f"`{name}`: {caption}" for name, caption in captions.items())
    write_output(f"{text}\n", output / "captions.md")
    for omission in list_omissions(found):
        click.echo(escape_control_characters(omission), err=True)
