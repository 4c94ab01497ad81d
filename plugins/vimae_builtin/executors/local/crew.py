"""The processes at work, one for each run."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from vimae_bench import Event, Order

from .worker import live

TICK = 0.2  # seconds
GRACE = 5.0  # seconds between asking a process to end and ending it


@dataclass
class Crew:
    """Processes at work: each has an order, a slot, and a time by which it has to be done."""

    work: Callable[[Order], int]
    free: list[str]
    timeout: float
    context: ForkServerContext
    busy: dict[int, tuple[ForkServerProcess, Order, float]] = field(
        default_factory=dict[int, tuple[ForkServerProcess, Order, float]]
    )

    def carry_out(self, orders: Sequence[Order]) -> Iterator[Event]:
        """Keep every slot busy; gives starts, ends, and ticks while nothing happens."""
        waiting = list(reversed(orders))
        while waiting or self.busy:
            while waiting and self.free:
                yield self.start(waiting.pop())
            sentinels = wait(list(self.busy), timeout=TICK)
            for sentinel in sentinels:
                yield self.ended(sentinel)  # pyright: ignore[reportArgumentType]
            self.end_late()
            if not sentinels:
                yield Event("tick")

    def ended(self, sentinel: int) -> Event:
        """Clear up after a process that has ended."""
        process, order, deadline = self.busy.pop(sentinel)
        process.join()
        self.free.append(order.device)
        late = f"stopped after {self.timeout:g} s, its time" if time.monotonic() > deadline else ""
        return Event("ended", order, process.exitcode, late if process.exitcode else "")

    def start(self, order: Order) -> Event:
        """Put a process to work on an order."""
        here = replace(order, device=self.free.pop(0))
        process = self.context.Process(target=live, args=(self.work, here), name=here.folder.name)
        process.start()
        self.busy[process.sentinel] = (process, here, time.monotonic() + (self.timeout or float("inf")))
        return Event("started", here)

    def end_late(self) -> None:
        """Kill what is past its time; its end is seen like any other."""
        for process, _, deadline in self.busy.values():
            if time.monotonic() > deadline:
                _signal(process, signal.SIGKILL)

    def dismiss(self) -> None:
        """Ask every process to end, then end those that did not."""
        processes = [process for process, _, _ in self.busy.values()]
        for process in processes:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                _signal(process, signal.SIGKILL)
                process.join()


def _signal(process: ForkServerProcess, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended in this moment
        os.kill(process.pid or 0, number)
