"""The worker processes, one for each run."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from vimae_bench.execution import Event, Job, JobEnded, JobStarted, Note, Tick

from .concurrency import DeviceSlots, format_concurrency
from .run_monitor import RunMonitor
from .worker import run_worker

TICK_SECONDS = 0.2
GRACE_SECONDS = 20.0
"""Between asking a process to end, at its next step, and ending it: fewer than the 30 that SLURM grants."""
ORPHANED = 255
"""What multiprocessing gives as the exit code of a process whose end the fork server did not live to see."""


@dataclass
class Worker:
    """A process at work on a job, and the time by which it has to be done."""

    process: ForkServerProcess
    job: Job
    deadline: float
    monitor: RunMonitor
    shared: bool
    """Whether another run has been on its device at the same time."""


@dataclass
class ProcessPool:
    """The processes at work, and the jobs that wait for a slot."""

    work: Callable[[Job], int]
    devices: Sequence[DeviceSlots]
    timeout: float
    context: ForkServerContext
    queue: list[Job] = field(default_factory=list[Job])
    solo_queue: list[Job] = field(default_factory=list[Job])
    """Jobs that ran out of memory while sharing a device: tried again at the end, each alone on a device."""
    workers: dict[int, Worker] = field(default_factory=dict[int, Worker])
    """By what becomes ready when the process ends."""

    def run_jobs(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Keep every slot busy; gives starts, ends, notes, and ticks while nothing happens."""
        self.queue = list(reversed(jobs))
        while self.queue or self.solo_queue or self.workers:
            yield from self._start_workers()
            ended = wait(list(self.workers), timeout=TICK_SECONDS)
            for sentinel in ended:
                yield self._end_worker(sentinel)  # pyright: ignore[reportArgumentType]
            self._kill_late_workers()
            if not ended:
                yield Tick()

    def _start_workers(self) -> Iterator[Event]:
        """Fill every slot, the least occupied device first; jobs that want a device to themselves come last."""
        while self.queue and (
            free := [slots for slots in self.devices if len(self._list_workers(slots)) < slots.limit]
        ):
            slots = min(free, key=lambda slots: len(self._list_workers(slots)))
            yield self._start_worker(self.queue.pop(), slots, slots.limit)
        while not self.queue and self.solo_queue:
            idle = [slots for slots in self.devices if not self._list_workers(slots)]
            if not idle:
                break
            self._start_worker(self.solo_queue.pop(0), idle[0], 1)  # its start was reported when it was first tried

    def _start_worker(self, job: Job, slots: DeviceSlots, max_concurrent: int) -> JobStarted:
        others = self._list_workers(slots)
        here = replace(job, device=slots.device, max_concurrent=max_concurrent)
        monitor = RunMonitor.watch(here)
        process = self.context.Process(target=run_worker, args=(self.work, here), name=here.folder.name)
        process.start()
        deadline = time.monotonic() + (self.timeout or float("inf"))
        self.workers[process.sentinel] = Worker(process, here, deadline, monitor, shared=bool(others))
        for other in others:
            other.shared = True
        return JobStarted(here)

    def _list_workers(self, slots: DeviceSlots) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.job.device == slots.device]

    def _end_worker(self, sentinel: int) -> Event:
        """Clean up after a process that has ended."""
        worker = self.workers.pop(sentinel)
        _kill(worker.process)  # and what it started itself
        worker.process.join()
        code, late = worker.process.exitcode or 0, time.monotonic() > worker.deadline
        if worker.shared and code and not late:
            if worker.monitor.has_run_out_of_memory():
                return self._requeue(worker.job, "ran out of memory")
            if code == -signal.SIGKILL:  # as the kernel does when the machine has no memory left
                return self._requeue(worker.job, "was killed")
        reason = "the process that starts workers was stopped" if code == ORPHANED else ""
        return JobEnded(worker.job, code, f"stopped after {self.timeout:g} s, its time" if late and code else reason)

    def _requeue(self, job: Job, what: str) -> Note:
        """Keep a job for the end, when it has a device to itself, and let fewer runs share this one."""
        (slots,) = (slots for slots in self.devices if slots.device == job.device)
        slots.lower()
        self.solo_queue.append(job)
        name = f"{job.entry.label} s{job.entry.run.seed}"
        now = f"it is tried again alone at the end, and {slots.device} goes on with {format_concurrency(slots.limit)}"
        return Note(f"{name} {what} while it shared {slots.device} with other runs; {now}")

    def _kill_late_workers(self) -> None:
        """Kill what is past its time; its end is seen like any other."""
        for worker in self.workers.values():
            if time.monotonic() > worker.deadline:
                _kill(worker.process)

    def shut_down(self) -> None:
        """Ask every process to end, and end those that do not; at once if a signal comes meanwhile."""
        processes = [worker.process for worker in self.workers.values()]
        try:
            for process in processes:
                _send_signal(process, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
            for process in processes:
                process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for process in processes:
                _kill(process)
                process.join()


def _send_signal(process: ForkServerProcess, number: signal.Signals) -> None:
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it ended in this moment
            os.kill(process.pid, number)


def _kill(process: ForkServerProcess) -> None:
    """End a process with all that it started, which is in its session once it has one."""
    if process.exitcode is None:
        _send_signal(process, signal.SIGKILL)
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
            os.killpg(process.pid, signal.SIGKILL)
