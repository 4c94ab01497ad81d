"""`vimae-bench export`: a trained model, and what it makes of its data, in files for other programs."""

from pathlib import Path

import click

from ..analysis.load import load_benchmark_results
from .options import FILE, data_option, data_root, file_argument, filter_option, results_option


@click.command()
@file_argument
@click.argument("method")
@results_option
@data_option
@filter_option
@click.option("--seed", type=int, help="Of which seed.  [default: the first]")
@click.option("--output", type=FILE, required=True, help="The folder to write the files to.")
@click.option("--samples", type=click.IntRange(min=1), default=1000, show_default=True, help="Generated images.")
def export(
    file: Path, method: str, results: Path, data: Path | None, words: str, seed: int | None, output: Path, samples: int
) -> None:
    """Write a trained model, its codes and its images to files.

    FILE is a benchmark file or a results folder, METHOD the label of a row; where several tables have it, -k says
    which. Into the folder go model.safetensors, which `vimae_bench.load_model` reads; codes.npz, the mean codes of
    training and test images with their labels; reconstructions.npz, of the test images, and samples.npz, generated
    images, both as bytes [N, C, H, W].

    \b
    Example:
      vimae-bench export results/quickstart VIMAE-n --seed 0 --output vimae-n
    """
    from ..config.matrix import select_entries
    from ..engine.export import export_model
    from ..engine.saved_model import find_result

    found = load_benchmark_results(file, results)
    entries = {id(entry) for entry in select_entries([result.entry for result in found.run_results], words)}
    result = find_result([result for result in found.run_results if id(result.entry) in entries], method, seed)
    for path in export_model(result, data_root(data), output, samples, lambda line: click.echo(line, err=True)):
        click.echo(path)
