"""Whether the disk has room for what a benchmark will write, asked before it begins."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.errors import ResultsError
from ..execution.jobs import Job
from ..storage.store import FINISHED_STATES, ResultsFolder

BESIDE = 2 * 2**20
"""Bytes of a run beside its weights, at the most that is usual: pictures, metrics, events, and what MLflow copies."""
STATES = 3 * 3
"""A run under way has three checkpoints for a moment, and the optimiser keeps two numbers for each weight."""
GIB = 2**30


def expect_room(results: Path, jobs: Sequence[Job], weights: Mapping[str, int]) -> None:
    """Raises ResultsError if a disk is too small for the runs that are still to be trained.

    `weights` are the bytes of a model's weights, by the key of its run from seed 0.
    """
    sizes = [weights[replace(job.entry.run, seed=0).key] for job in jobs if _untrained(job)]
    under_way = sorted(sizes)[-(os.cpu_count() or 1) :]
    needed = sum(sizes) + BESIDE * len(sizes) + STATES * sum(under_way)
    free = shutil.disk_usage(next(folder for folder in (results, *results.parents) if folder.exists())).free
    if free < needed:
        raise ResultsError(
            f"{results}: about {_gib(needed)} will be written by {len(sizes)} runs, and {_gib(free)} is free; "
            "make room, or choose another with --results"
        )


def _untrained(job: Job) -> bool:
    return ResultsFolder(job.folder.parents[1]).get_state(job.entry) not in (*FINISHED_STATES, "measure")


def _gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB"
