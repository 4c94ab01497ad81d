"""Runs side by side on this machine, each in a process of its own, so that one that dies takes no other with it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from vimae_bench import BenchError, Event, Executor, Order, hookimpl

from .crew import Crew
from .worker import server


@dataclass(frozen=True)
class Local:
    """One process for each run; on a CPU as many side by side as there are cores for, else one for each GPU."""

    jobs: Annotated[int, Ge(0)] = 0
    """Runs side by side; 0: as many as fit."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: the GPUs if there are any."""
    timeout: Annotated[float, Ge(0)] = 0.0
    """Seconds after which a run is ended; 0: never."""

    def __call__(self, orders: Sequence[Order], work: Callable[[Order], int]) -> Iterator[Event]:
        """Carry out the orders. Ending the iteration early ends the runs under way; they can be resumed."""
        if orders:
            crew = Crew(work, self.slots(orders), self.timeout, server())
            try:
                yield from crew.carry_out(orders)
            finally:
                crew.dismiss()

    def slots(self, orders: Sequence[Order]) -> list[str]:
        """The devices on which runs go side by side, one run each. Raises BenchError for GPUs that are not there."""
        threads = max(order.cell.run.training.threads for order in orders)
        gpus = [] if self.device == "cpu" else _gpus(self.device)
        every = gpus or ["cpu"] * max(1, _cores() // threads)
        return [every[i % len(every)] for i in range(self.jobs or len(every))]


def _cores() -> int:
    """The cores this process may use; where the system does not tell (macOS), all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus(device: str) -> list[str]:
    import torch

    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if device == "auto" or (device == "cuda" and found):
        return found
    if device in found:
        return [device]
    raise BenchError(f"there is no device {device!r} here; torch finds {', '.join(['cpu', *found])}")


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `local`."""
    return {"local": Local}
