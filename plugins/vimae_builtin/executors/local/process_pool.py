"""The processes at work, one for each run."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from vimae_bench.execution import Event, Order

from .concurrency import Slots, side_by_side
from .run_monitor import Told
from .worker import free_memory, live

TICK = 0.2  # seconds
GRACE = 20.0
"""Seconds between asking a process to end, at its next step, and ending it: fewer than the 30 that SLURM grants."""


@dataclass
class Job:
    """A process at work on an order, the time by which it has to be done, and what its run has told."""

    process: ForkServerProcess
    order: Order
    deadline: float
    told: Told
    shared: bool
    """Whether another run has been on its device at the same time."""


@dataclass
class Crew:
    """The processes at work, and the orders that wait for a slot."""

    work: Callable[[Order], int]
    devices: Sequence[Slots]
    timeout: float
    context: ForkServerContext
    waiting: list[Order] = field(default_factory=list[Order])
    alone: list[Order] = field(default_factory=list[Order])
    """What ran out of memory beside other runs: tried again at the end, each with a device of its own."""
    busy: dict[int, Job] = field(default_factory=dict[int, Job])

    def carry_out(self, orders: Sequence[Order]) -> Iterator[Event]:
        """Keep every slot busy; gives starts, ends, notes, and ticks while nothing happens."""
        self.waiting = list(reversed(orders))
        growing = [slots for slots in self.devices if slots.growing]
        for slots, free in zip(growing, self.free_memory(growing), strict=True):
            slots.free = free
        while self.waiting or self.alone or self.busy:
            yield from self.start_all()
            sentinels = wait(list(self.busy), timeout=TICK)
            for sentinel in sentinels:
                yield self.ended(sentinel)  # pyright: ignore[reportArgumentType]
            self.end_late()
            yield from self.consider()
            if not sentinels:
                yield Event("tick")

    def start_all(self) -> Iterator[Event]:
        """Fill every slot, the emptiest device first; those that want a device of their own come last."""
        while self.waiting and (free := [slots for slots in self.devices if len(self.on(slots)) < slots.limit]):
            slots = min(free, key=lambda slots: len(self.on(slots)))
            yield self.start(self.waiting.pop(), slots, slots.bound)
        while not self.waiting and self.alone and (free := [slots for slots in self.devices if not self.on(slots)]):
            self.start(self.alone.pop(0), free[0], 1)  # its start was told when it was tried first

    def start(self, order: Order, slots: Slots, sharing: int) -> Event:
        """Put a process to work on an order, on a device which at most `sharing` runs have at a time."""
        others = self.on(slots)
        here = replace(order, device=slots.device, sharing=sharing)
        told = Told.of(here)
        process = self.context.Process(target=live, args=(self.work, here), name=here.folder.name)
        process.start()
        deadline = time.monotonic() + (self.timeout or float("inf"))
        self.busy[process.sentinel] = Job(process, here, deadline, told, shared=bool(others))
        for other in others:
            other.shared = True
        return Event("started", here)

    def on(self, slots: Slots) -> list[Job]:
        """The jobs on a device."""
        return [job for job in self.busy.values() if job.order.device == slots.device]

    def ended(self, sentinel: int) -> Event:
        """Clear up after a process that has ended."""
        job = self.busy.pop(sentinel)
        _kill(job.process)  # what it started itself
        job.process.join()
        job.told.read()
        code, late = job.process.exitcode, time.monotonic() > job.deadline
        if job.shared and code and not late:
            if job.told.out_of_memory:
                return self.again(job.order, "ran out of memory")
            if code == -signal.SIGKILL:  # as the kernel does when the machine has no memory left
                return self.again(job.order, "was killed")
        return Event("ended", job.order, code, f"stopped after {self.timeout:g} s, its time" if late and code else "")

    def again(self, order: Order, what: str) -> Event:
        """Keep a run for the end, when it has a device of its own, and let fewer share this one."""
        (slots,) = (slots for slots in self.devices if slots.device == order.device)
        slots.lower()
        self.alone.append(order)
        name = f"{order.cell.label} s{order.cell.run.seed}"
        now = f"it is tried again alone at the end, and {slots.device} goes on with {side_by_side(slots.limit)}"
        return Event("note", reason=f"{name} {what} beside other runs on {slots.device}; {now}")

    def consider(self) -> Iterator[Event]:
        """Find out whether one more run pays where that is not known yet; tells what is settled."""
        for slots in self.devices:
            if slots.growing:
                told = [job.told for job in self.on(slots)]
                for run in told:
                    run.read()
                line = slots.consider(told, bool(self.waiting), lambda slots=slots: self.free_memory([slots])[0])
                if line:
                    yield Event("note", reason=line)

    def free_memory(self, devices: Sequence[Slots]) -> list[int]:
        """The bytes free on each of these devices now."""
        return free_memory(self.context, [slots.device for slots in devices])

    def end_late(self) -> None:
        """Kill what is past its time; its end is seen like any other."""
        for job in self.busy.values():
            if time.monotonic() > job.deadline:
                _kill(job.process)

    def dismiss(self) -> None:
        """Ask every process to end, and end those that do not; at once if a signal comes meanwhile."""
        processes = [job.process for job in self.busy.values()]
        try:
            for process in processes:
                _signal(process, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            for process in processes:
                process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for process in processes:
                _kill(process)
                process.join()


def _signal(process: ForkServerProcess, number: signal.Signals) -> None:
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it ended in this moment
            os.kill(process.pid, number)


def _kill(process: ForkServerProcess) -> None:
    """End a process with all that it started, which is in its session once it has one."""
    if process.exitcode is None:
        _signal(process, signal.SIGKILL)
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
            os.killpg(process.pid, signal.SIGKILL)
