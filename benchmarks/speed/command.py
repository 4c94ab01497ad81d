"""`python benchmarks/speed`: measure, print and save training speed."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch
from rich.console import Console

from vimae_bench.storage.atomic import write_json

from . import tables
from .machine import cores, machine
from .matrix import measure_matrix
from .measure import measure
from .side_by_side import side_by_side
from .workloads import METHODS, MLP_NET, Workload, conv

PARTS = ("mlp", "conv28", "conv32", "side-by-side", "matrix")
WITH_TARGETS = ("vae", "imq")


@dataclass(frozen=True)
class Plan:
    """What to measure, and how thoroughly."""

    quick: bool
    parts: Sequence[str]
    threads: Sequence[int]
    rounds: int
    device: str
    width: int
    jobs: int
    keeps_memory: bool

    def workloads(self) -> Iterator[Workload]:
        """The tables' workloads; a slice takes some tenths of a second."""
        methods = [METHODS[name] for name in (WITH_TARGETS if self.quick else METHODS)]
        short, long = (50, 100) if self.device == "cuda" else (5, 25)
        if "mlp" in self.parts:
            yield from (Workload(MLP_NET, method, long, self.device) for method in methods)
        for size in (28, 32):
            if f"conv{size}" in self.parts:
                few = methods[:1] if self.quick else methods
                net = conv(size, self.width)
                yield from (Workload(net, method, short, self.device) for method in few)

    def pairs(self) -> Iterator[Workload]:
        """The workloads for which runs per hour are measured."""
        if "side-by-side" in self.parts:
            yield from (Workload(MLP_NET, METHODS[name], 50, self.device) for name in WITH_TARGETS)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="Few minutes: two objectives, all cores, few rounds.")
@click.option("--out", type=click.Path(path_type=Path), default="results/speed.json", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), multiple=True, help="Threads.  [default: 1, and all cores]")
@click.option("--rounds", type=click.IntRange(min=1), help="Turns of each contestant.  [default: 15; 5 with --quick]")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Only these parts.")
@click.option("--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True)
@click.option("--width", type=int, help="Width of conv networks.  [default: 1024, the paper's, on a GPU; 64 on a CPU]")
@click.option("--keep-memory", is_flag=True, help="Set glibc's allocator for all contestants as it is set for ours.")
@click.option("--jobs", type=click.IntRange(min=1), help="Our simultaneous runs.  [default: number of cores]")
def main(
    quick: bool,
    out: Path,
    threads: tuple[int, ...],
    rounds: int | None,
    only: tuple[str, ...],
    device: str,
    width: int | None,
    jobs: int | None,
    keep_memory: bool,
) -> None:
    """Compare our trainer with pythae's and hand-written loops, in turns, each in its process. Look at the ratios."""
    if device == "cuda" and not torch.cuda.is_available():
        raise click.UsageError("torch finds no GPU here")
    parts = only or (tuple(part for part in PARTS if part != "conv32") if quick else PARTS)
    plan = Plan(
        quick,
        parts,
        threads or ((cores(),) if quick else sorted({1, cores()})),
        rounds or (5 if quick else 15),
        device,
        width or (1024 if device == "cuda" else 64),
        jobs or cores(),
        keep_memory,
    )
    with tempfile.TemporaryDirectory() as cache:
        if not quick:  # so that compile times are those of the first time on a machine
            os.environ |= {"TORCHINDUCTOR_CACHE_DIR": f"{cache}/torch", "VIMAE_BENCH_CACHE": f"{cache}/steps"}
        found = carry_out(plan, Console(width=None if sys.stdout.isatty() else 120))
    write_json(out, {"schema": 1, "command": sys.argv, **found})
    click.echo(f"all turns: {out}")


def carry_out(plan: Plan, console: Console) -> dict[str, object]:
    """Carry out the plan and print the results; returns them as JSON."""
    about = machine(plan.device)
    console.print(f"{about['gpu'] or about['cpu']}, {about['cores']} cores, torch {about['versions']['torch']}\n")
    measured, matrix = [], None
    for workload in plan.workloads():
        for threads in plan.threads:
            measured.append(measure(workload, threads, plan.rounds, keeps_memory=plan.keeps_memory))
            tables.show(measured[-1], console)
    pairs = [side_by_side(workload, plan.jobs, cores(), plan.rounds) for workload in plan.pairs()]
    if pairs:
        tables.show_side_by_side(pairs, console)
    if "matrix" in plan.parts:
        matrix = measure_matrix(plan.device, plan.jobs, *((20, range(1)) if plan.quick else (60, range(10))))
        tables.show_matrix(matrix, console)
    return {
        "plan": asdict(plan),
        "machine": about,
        "workloads": [one.as_json() for one in measured],
        "side_by_side": [one.as_json() for one in pairs],
        "matrix": matrix and matrix.as_json(),
    }
