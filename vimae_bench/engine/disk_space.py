"""Whether the disk has room for what a benchmark will write, asked before it begins."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.errors import ResultsError
from ..core.spec import Run

EXTRA_BYTES_PER_RUN = 2 * 2**20
"""Bytes that a run usually takes at most, apart from its weights: pictures, metrics, events, and what MLflow copies."""
CHECKPOINT_COPIES = 3 * 3
"""A run in progress has three checkpoints for a moment, and the optimiser keeps two numbers for each weight."""
GIB = 2**30


def check_disk_space(results: Path, runs: Sequence[Run], weights: Mapping[str, int]) -> None:
    """Raises ResultsError if a disk is too small for runs that are to be trained.

    `weights` are the bytes of a model's weights, by the key of its run from seed 0.
    """
    sizes = [weights[replace(run, seed=0).key] for run in runs]
    in_progress = sorted(sizes)[-(os.cpu_count() or 1) :]
    needed = sum(sizes) + EXTRA_BYTES_PER_RUN * len(sizes) + CHECKPOINT_COPIES * sum(in_progress)
    free = shutil.disk_usage(next(folder for folder in (results, *results.parents) if folder.exists())).free
    if free < needed:
        written = f"about {_format_gib(needed)} will be written by {len(sizes)} runs, and {_format_gib(free)} is free"
        raise ResultsError(f"{results}: {written}; make room, or choose another with --results")


def _format_gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB"
