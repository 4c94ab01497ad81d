"""`vimae-bench pack`: a results folder in one file."""

from pathlib import Path

import click

from .options import FILE


@click.command()
@click.argument("results", type=FILE)
def pack(results: Path) -> None:
    """Pack a results folder into one file, RESULTS.zip.

    The commands that read results take the file in place of the folder, and read it where the folder is gone; those
    that write unpack it first. It holds records, measures, curves and pictures, but no weights, checkpoints or logs.
    Equal results give an equal file.

    \b
    Example:
      vimae-bench pack results/quickstart
    """
    from ..storage.archive import pack_results

    archive = pack_results(results, lambda line: click.echo(line, err=True))
    click.echo(f"{archive}: {archive.stat().st_size / 2**20:.1f} MiB")
