"""Who takes part, by name. Each is loaded when it is made, so that one that is not installed harms no other."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

import torch

from .paused import Paused
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
    """Something that trains on a workload, a slice of so many steps at a time."""

    def slice(self) -> None:
        """Train on all images of the workload once."""

    def close(self) -> None:
        """Clear up; it is not used again."""


def make(name: str, workload: Workload, folder: Path) -> Contestant:
    """The contestant of that name at the start of its training; its files go into `folder`."""
    module, _, attribute = CONTESTANTS[name].partition(":")
    made = getattr(import_module(f".{module}", __package__), attribute)(workload, folder)
    return cast(Contestant, made) if name in (OURS, PYTHAE) else Apart(made.slice)


class Apart:
    """A loop in a thread of its own, as the trainers have theirs.

    Outside of a process's first thread memory comes from another heap, which slows a conv net down by a quarter.
    """

    def __init__(self, loop: Callable[[], None]):
        self.paused = Paused(partial(_forever, loop))

    def slice(self) -> None:
        self.paused.advance()

    def close(self) -> None:
        self.paused.close()


def _forever(loop: Callable[[], None], pause: Callable[[], None]) -> None:
    torch.set_num_threads(torch.get_num_threads())  # a new thread takes the number over when it is asked for it
    while True:
        loop()
        pause()


def missing(name: str) -> str:
    """Why a contestant cannot take part here, in a line; empty if it can."""
    if name == PYTHAE and not find_spec("pythae"):
        return 'not installed: pip install -e ".[speed]"'
    return ""
