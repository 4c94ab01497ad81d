"""The processes at work, one for each run."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from vimae_bench.execution import Event, Job

from .concurrency import Slots, side_by_side
from .run_monitor import Told
from .worker import free_memory, live

TICK = 0.2  # seconds
GRACE = 20.0
"""Seconds between asking a process to end, at its next step, and ending it: fewer than the 30 that SLURM grants."""


@dataclass
class Worker:
    """A process at work on a job, the time by which it has to be done, and what its run has told."""

    process: ForkServerProcess
    job: Job
    deadline: float
    told: Told
    shared: bool
    """Whether another run has been on its device at the same time."""


@dataclass
class ProcessPool:
    """The processes at work, and the jobs that wait for a slot."""

    work: Callable[[Job], int]
    devices: Sequence[Slots]
    timeout: float
    context: ForkServerContext
    waiting: list[Job] = field(default_factory=list[Job])
    solo_queue: list[Job] = field(default_factory=list[Job])
    """What ran out of memory beside other runs: tried again at the end, each with a device of its own."""
    busy: dict[int, Worker] = field(default_factory=dict[int, Worker])

    def carry_out(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Keep every slot busy; gives starts, ends, notes, and ticks while nothing happens."""
        self.waiting = list(reversed(jobs))
        growing = [slots for slots in self.devices if slots.growing]
        for slots, free in zip(growing, self.free_memory(growing), strict=True):
            slots.free = free
        while self.waiting or self.solo_queue or self.busy:
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
        while (
            not self.waiting and self.solo_queue and (free := [slots for slots in self.devices if not self.on(slots)])
        ):
            self.start(self.solo_queue.pop(0), free[0], 1)  # its start was told when it was tried first

    def start(self, job: Job, slots: Slots, sharing: int) -> Event:
        """Put a process to work on a job, on a device which at most `sharing` runs have at a time."""
        others = self.on(slots)
        here = replace(job, device=slots.device, max_concurrent=sharing)
        told = Told.of(here)
        process = self.context.Process(target=live, args=(self.work, here), name=here.folder.name)
        process.start()
        deadline = time.monotonic() + (self.timeout or float("inf"))
        self.busy[process.sentinel] = Worker(process, here, deadline, told, shared=bool(others))
        for other in others:
            other.shared = True
        return Event("started", here)

    def on(self, slots: Slots) -> list[Worker]:
        """The jobs on a device."""
        return [worker for worker in self.busy.values() if worker.job.device == slots.device]

    def ended(self, sentinel: int) -> Event:
        """Clear up after a process that has ended."""
        worker = self.busy.pop(sentinel)
        _kill(worker.process)  # what it started itself
        worker.process.join()
        worker.told.read()
        code, late = worker.process.exitcode, time.monotonic() > worker.deadline
        if worker.shared and code and not late:
            if worker.told.out_of_memory:
                return self.again(worker.job, "ran out of memory")
            if code == -signal.SIGKILL:  # as the kernel does when the machine has no memory left
                return self.again(worker.job, "was killed")
        return Event("ended", worker.job, code, f"stopped after {self.timeout:g} s, its time" if late and code else "")

    def again(self, job: Job, what: str) -> Event:
        """Keep a run for the end, when it has a device of its own, and let fewer share this one."""
        (slots,) = (slots for slots in self.devices if slots.device == job.device)
        slots.lower()
        self.solo_queue.append(job)
        name = f"{job.entry.label} s{job.entry.run.seed}"
        now = f"it is tried again alone at the end, and {slots.device} goes on with {side_by_side(slots.limit)}"
        return Event("note", reason=f"{name} {what} beside other runs on {slots.device}; {now}")

    def consider(self) -> Iterator[Event]:
        """Find out whether one more run pays where that is not known yet; tells what is settled."""
        for slots in self.devices:
            if slots.growing:
                told = [worker.told for worker in self.on(slots)]
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
        for worker in self.busy.values():
            if time.monotonic() > worker.deadline:
                _kill(worker.process)

    def shut_down(self) -> None:
        """Ask every process to end, and end those that do not; at once if a signal comes meanwhile."""
        processes = [worker.process for worker in self.busy.values()]
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
