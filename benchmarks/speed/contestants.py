"""The contestants, by name. Each is imported when it is started, so that a missing package affects no other."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from .workloads import Workload

CONTESTANTS = {
    "vimae-bench": "ours:train",
    "pythae": "pythae_trainer:train",
    "eager loop": "loops:Eager",
    "optimised loop": "loops:Optimised",
    "compiled loop": "loops:Compiled",
    "best by hand": "loops:BestByHand",
    "matrix product": "peak:Peak",
}
OURS, PYTHAE, COMPILED, BEST, PEAK = "vimae-bench", "pythae", "compiled loop", "best by hand", "matrix product"
TRAINERS = (OURS, PYTHAE)
KEEPING_MEMORY = (OURS, BEST)
"""Those whose processes are started with the allocator's settings for training, as workers of a command are."""

Pause = Callable[[], None]
"""What a contestant calls after each slice of a workload. It raises Closed when no more are wanted."""


class Closed(BaseException):
    """Ends a contestant at its pause."""


def train_contestant(name: str, workload: Workload, folder: Path, pause: Pause) -> None:
    """Train by the contestant of that name, which pauses after each slice; it writes files to `folder`."""
    module, _, attribute = CONTESTANTS[name].partition(":")
    contestant = cast("Callable[..., object]", getattr(import_module(f".{module}", __package__), attribute))
    if name in TRAINERS:
        contestant(workload, folder, pause)
        raise RuntimeError(f"{name} ended before its last turn")
    run_slice = cast("Callable[[], None]", getattr(contestant(workload), "slice"))  # noqa: B009  # of any of the loops
    while True:
        run_slice()
        pause()


def explain_absence(name: str) -> str:
    """Why a contestant is not available, in one line; empty if it is."""
    if name == PYTHAE and not find_spec("pythae"):
        return 'not installed: pip install -e ".[speed]"'
    return ""
