"""The printed tables: one for each workload, one for runs per hour, and a line about the matrix."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .contestants import BEST, COMPILED, OURS, PEAK, PYTHAE
from .matrix import RUNS, Matrix
from .measure import Measured, Row
from .side_by_side import SideBySide
from .turns import compute_spread
from .workloads import STEPS

NONE, MISSING = "-", "missing"


def show(measured: Measured, console: Console) -> None:
    """Print the table of one workload."""
    kept = ", allocator set for all" if measured.keeps_memory else ""
    table = Table(title=f"{measured.workload}: {_threads(measured.threads)}{kept}", title_justify="left")
    table.add_column("")
    times = [name for name in (measured.base, COMPILED, BEST) if name in measured.names]
    heads = [
        "samples/s",
        "± IQR",
        *(f"x {name.removesuffix(' loop').removesuffix(' by hand')}" for name in times),
        "CPU ms/step",
        "x CPU",
        "compile s",
        "peak MiB",
        "faults",
        "MFU",
    ]
    for head in heads:
        table.add_column(head, justify="right")
    for name in measured.names:
        table.add_row(name, *_entries(measured.row(name), name, times))
    for name in measured.missing:
        table.add_row(name, MISSING)
    console.print(table)
    for name, why in measured.missing.items():
        console.print(f"{name} is {why}", markup=False, highlight=False)
    rate = [measured.peak_flops / turn.wall / 1e9 for turn in measured.turns if turn.name == PEAK and turn.round >= 0]
    console.print(f"matrix product: {sorted(rate)[len(rate) // 2]:,.0f} GFLOP/s, IQR {compute_spread(rate):.0%}\n")


def _entries(row: Row, name: str, times: Sequence[str]) -> list[str]:
    peak = NONE if row.peak_bytes is None else f"{row.peak_bytes / 2**20:,.0f}"
    compiling = f"{row.first_slice_seconds:.1f}" if name in (OURS, COMPILED, BEST) else NONE
    faults = NONE if row.page_faults is None else f"{row.page_faults:,.0f}"
    ratios = [f"{row.times[other]:.2f}" for other in times]
    rate = [f"{row.samples_per_second:,.0f}", f"{row.spread:.0%}"]
    return [
        *rate,
        *ratios,
        f"{row.cpu_ms_per_step:.2f}",
        f"{row.cpu_times:.2f}",
        compiling,
        peak,
        faults,
        f"{row.mfu:.0%}",
    ]


def show_side_by_side(found: Sequence[SideBySide], console: Console) -> None:
    """Print runs per hour."""
    first = found[0]
    title = f"Runs per hour of {STEPS:,} steps: ours {first.jobs} at a time, pythae's one on {_threads(first.threads)}"
    table = Table("", OURS, "± IQR", PYTHAE, "± IQR", "ratio", title=title, title_justify="left")
    for one in found:
        theirs = (MISSING, NONE, NONE) if one.missing else (*_rate(one, PYTHAE), f"{one.ratio():.2f}")
        table.add_row(one.workload, *_rate(one, OURS), *theirs)
    console.print(table)


def _rate(one: SideBySide, name: str) -> tuple[str, str]:
    return f"{one.runs_per_hour(name):.1f}", f"{one.spread(name):.0%}"


def show_matrix(matrix: Matrix, console: Console) -> None:
    """Print the cost of a matrix of short runs."""
    console.print(
        f"A matrix of {RUNS} runs of {matrix.epochs} epochs, {matrix.jobs} at a time: {matrix.wall:.1f} s, "
        f"{matrix.start:.1f} s of it before the first run. "
        f"Steps {matrix.steps:.1f} s and metrics {matrix.metrics:.1f} s: that is {matrix.cost:.2f} times their sum. "
        f"The {RUNS} runs one after another{_from(matrix)}: {matrix.alone:.1f} s, {matrix.gain:.2f} times as long."
    )


def _from(matrix: Matrix) -> str:
    return "" if matrix.alone_runs == RUNS - 1 else f" (extrapolated from {matrix.alone_runs})"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
