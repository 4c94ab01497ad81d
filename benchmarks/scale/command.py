"""`python benchmarks/scale`: simulate runs, measure their overhead, print and save the results."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from benchmarks.speed.machine import cores, machine
from vimae_bench.core.canonical import Json
from vimae_bench.storage.atomic import write_json

from . import parts, tables

MIRRORED = 200
"""Number of finished runs that are sent to MLflow."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--runs", type=click.IntRange(min=1), default=10_000, show_default=True, help="Rounded up to 200s.")
@click.option("--folder", type=click.Path(path_type=Path), help="For 2 GB of runs.  [default: a temporary folder]")
@click.option("--out", type=click.Path(path_type=Path), default="results/scale.json", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), help="Simultaneous runs.  [default: number of cores]")
@click.option("--reporter", "reporters", multiple=True, default=("console",), show_default=True)
def main(runs: int, folder: Path | None, out: Path, jobs: int | None, reporters: tuple[str, ...]) -> None:
    """Measure the overhead of ten thousand runs whose training is a sleep of 20 ms."""
    about = machine("cpu")
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"{about['cpu']}, {about['cores']} cores, load {about['load'][0]:.1f}, Python {about['python']}\n")
    with tempfile.TemporaryDirectory(prefix="vimae-bench-scale-") as scratch:
        matrix = parts.Matrix((folder or Path(scratch)).resolve(), -(-runs // parts.EACH_SEED))
        matrix.folder.mkdir(parents=True, exist_ok=True)
        found = measure(matrix, jobs or cores(), reporters)
    tables.show(found, console)
    write_json(out, {"schema": 1, "command": sys.argv, "machine": about, **found})
    click.echo(f"all results: {out}")


def measure(matrix: parts.Matrix, jobs: int, reporters: Sequence[str]) -> Json:
    """Measure everything; returns JSON."""
    return {
        "runs": matrix.runs,
        "planned": asdict(matrix.plan()),
        "driven": matrix.drive(jobs, reporters),
        "plan": asdict(matrix.plan()),
        "leaderboard": asdict(matrix.leaderboard()),
        "doctor": asdict(matrix.doctor()),
        "again": asdict(matrix.again()),
        "console": {kind: parts.measure_console(matrix, terminal=kind == "terminal") for kind in ("lines", "terminal")},
        "mirror": asdict(parts.measure_mirror(matrix, MIRRORED)),
        "files": asdict(parts.files(matrix)),
    }
