"""The contestants, by name. Each is imported when it is created, so that a missing package affects no other."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

import torch

from .paused import PausedFunction
from .workloads import Workload

CONTESTANTS = {
    "vimae-bench": "ours:Ours",
    "pythae": "pythae_trainer:Pythae",
    "eager loop": "loops:Eager",
    "optimised loop": "loops:Optimised",
    "compiled loop": "loops:Compiled",
    "matrix product": "peak:Peak",
}
OURS, PYTHAE, COMPILED, PEAK = "vimae-bench", "pythae", "compiled loop", "matrix product"


class Contestant(Protocol):
    """Trains on a workload, one slice of steps at a time."""

    def slice(self) -> None:
        """Train on all images of the workload once."""

    def close(self) -> None:
        """Release resources; it is not used again."""


def make(name: str, workload: Workload, folder: Path) -> Contestant:
    """Create the contestant of that name at the start of its training; it writes files to `folder`."""
    module, _, attribute = CONTESTANTS[name].partition(":")
    made = getattr(import_module(f".{module}", __package__), attribute)(workload, folder)
    return cast(Contestant, made) if name in (OURS, PYTHAE) else ThreadedLoop(made.slice)


class ThreadedLoop:
    """A loop in a separate thread, like the loops of the trainers.

    Outside the main thread, memory comes from another heap, which makes a conv network slower by a quarter.
    """

    def __init__(self, loop: Callable[[], None]):
        self.paused = PausedFunction(partial(_forever, loop))

    def slice(self) -> None:
        self.paused.advance()

    def close(self) -> None:
        self.paused.close()


def _forever(loop: Callable[[], None], pause: Callable[[], None]) -> None:
    torch.set_num_threads(torch.get_num_threads())  # a new thread adopts the number when it is set
    while True:
        loop()
        pause()


def explain_absence(name: str) -> str:
    """Why a contestant is not available, in one line; empty if it is."""
    if name == PYTHAE and not find_spec("pythae"):
        return 'not installed: pip install -e ".[speed]"'
    return ""
