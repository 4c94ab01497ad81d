"""A benchmark's matrix: every method on every data set with every architecture from every seed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from ..core.errors import BenchError, shorten_text
from ..core.spec import MatrixEntry, PluginSpec, Run
from .benchmark import CONTROL_SEED_OFFSET, Benchmark, Group, MethodConfig, read_benchmark


class NothingSelected(BenchError):
    """The filter leaves no run."""

    exit_code = 3


def list_entries(benchmark: Benchmark) -> list[MatrixEntry]:
    """All entries of the matrix but those left out, group by group.

    Seeds vary slowest within a group, so that a matrix that is interrupted has complete comparisons rather than
    complete methods.
    """
    return [entry for group in benchmark.groups for entry in _list_group_entries(group)]


def _list_group_entries(group: Group) -> Iterator[MatrixEntry]:
    for seed, dataset, architecture, m in product(group.seeds, group.datasets, group.architectures, group.methods):
        if is_left_out(group, dataset, architecture, m):
            continue
        training, own_seed = replace(group.training, **m.training), CONTROL_SEED_OFFSET + seed if m.control_of else seed
        run = Run(dataset, architecture, m.objective, m.prior, group.latent, training, own_seed)
        table_training = None if training == group.training else group.training
        paired_seed = seed if m.control_of else None
        yield MatrixEntry(m.label, run, group.metrics, paired_seed, m.control_of, table_training)


def is_left_out(group: Group, dataset: PluginSpec, architecture: PluginSpec, method: MethodConfig) -> bool:
    """Whether the group leaves this combination out of its matrix."""
    names = {
        "method": (method.label,),
        "dataset": (dataset.title, dataset.name),
        "architecture": (architecture.title, architecture.name),
    }
    return any(all(name in names[axis] for axis, name in item.items()) for item in group.leave_out)


def select_entries(matrix: Sequence[MatrixEntry], words: str) -> list[MatrixEntry]:
    """The entries whose label, data set, architecture, objective, prior or seed (`s0`) holds every word, in any case.

    A word after `not` must be absent. Raises NothingSelected.
    """
    wanted = [entry for entry in matrix if _matches_words(entry, words.casefold().split())]
    if not wanted:
        raise NothingSelected(f"-k {shorten_text(words)} selects none of the {len(matrix)} runs")
    return wanted


def _matches_words(entry: MatrixEntry, words: Sequence[str]) -> bool:
    run = entry.run
    titles = [run.dataset.title, run.architecture.title]
    names = [entry.label, *titles, run.dataset.name, run.architecture.name, run.objective.name, run.prior.name, run.key]
    text = [*" ".join(names).casefold().split(), f"s{entry.seed}"]
    negate = False
    for word in words:
        if word == "not":
            negate = True
            continue
        if any(word in name for name in text) is negate:
            return False
        negate = False
    return True


def read_matrix(file: Path, overrides: tuple[str, ...]) -> tuple[Benchmark, list[MatrixEntry]]:
    """A benchmark file and all entries of its matrix."""
    benchmark = read_benchmark(file, overrides)
    return benchmark, list_entries(benchmark)
