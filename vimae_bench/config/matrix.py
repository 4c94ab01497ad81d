"""A benchmark's matrix: every method on every data set with every architecture from every seed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from ..core.errors import BenchError, brief
from ..core.spec import Cell, Choice, Run
from .benchmark import CONTROL_SEED_OFFSET, Benchmark, Group, MethodConfig, read_benchmark


class NothingSelected(BenchError):
    """The filter leaves no run."""

    exit_code = 3


def list_entries(benchmark: Benchmark) -> list[Cell]:
    """All cells of the matrix but those left out, group by group.

    Seeds vary slowest within a group, so that a matrix cut off in the middle has whole comparisons rather than whole
    methods.
    """
    return [cell for group in benchmark.groups for cell in _cells(group)]


def _cells(group: Group) -> Iterator[Cell]:
    for seed, dataset, architecture, m in product(group.seeds, group.datasets, group.architectures, group.methods):
        if is_left_out(group, dataset, architecture, m):
            continue
        own = CONTROL_SEED_OFFSET + seed if m.control_of else seed
        run = Run(dataset, architecture, m.objective, m.prior, group.latent, replace(group.training, **m.training), own)
        shared = None if run.training == group.training else group.training
        yield Cell(m.label, run, group.metrics, seed if m.control_of else None, m.control_of, shared)


def is_left_out(group: Group, dataset: Choice, architecture: Choice, method: MethodConfig) -> bool:
    """Whether the group leaves this combination out of its matrix."""
    names = {"method": method.label, "dataset": dataset.use, "architecture": architecture.use}
    return any(item.items() <= names.items() for item in group.leave_out)


def select_entries(matrix: Sequence[Cell], words: str) -> list[Cell]:
    """The cells whose label, data set, architecture, objective, prior or seed (`s0`) holds every word, in any case.

    A word after `not` must be absent. Raises NothingSelected.
    """
    wanted = [cell for cell in matrix if _matches(cell, words.casefold().split())]
    if not wanted:
        raise NothingSelected(f"-k {brief(words)} selects none of the {len(matrix)} runs")
    return wanted


def _matches(cell: Cell, words: Sequence[str]) -> bool:
    run = cell.run
    names = [cell.label, run.dataset.use, run.architecture.use, run.objective.use, run.prior.use, run.key]
    text = [*" ".join(names).casefold().split(), f"s{cell.seed}"]
    negate = False
    for word in words:
        if word == "not":
            negate = True
            continue
        if any(word in name for name in text) is negate:
            return False
        negate = False
    return True


def read_matrix(file: Path, overrides: tuple[str, ...]) -> tuple[Benchmark, list[Cell]]:
    """A benchmark file with its whole matrix."""
    benchmark = read_benchmark(file, overrides)
    return benchmark, list_entries(benchmark)
