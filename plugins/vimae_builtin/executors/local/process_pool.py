"""The worker processes, one for each run."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess

from vimae_bench.execution import Event, ExitCode, Job, JobEnded, JobStarted, Note, RunFolder, Tick

from .concurrency import DeviceSlots, format_concurrency
from .run_monitor import RunMonitor
from .worker import run_worker, start_process

TICK_SECONDS = 0.2
GRACE_SECONDS = 20.0
"""Between asking a process to end, at its next step, and ending it: fewer than the 30 that SLURM grants."""
ORPHANED = 255
"""What multiprocessing gives as the exit code of a process whose end the fork server did not live to see."""
SERVER_KILLED = "the process that starts workers was killed"


@dataclass
class Worker:
    """A process at work on a job, and the time by which it has to be done."""

    process: ForkServerProcess
    job: Job
    deadline: float
    monitor: RunMonitor
    shared: bool
    """Whether another run has been on its device at the same time."""

    exit_code: int | None = None
    """How it ended, or the negative number of the signal that killed it; None as long as that is not known."""
    is_orphan: bool = False
    """Whether the server that forked it has died. The process itself may go on, and its end is not reported."""

    def wait(self, seconds: float | None) -> bool:
        """Wait at most so long for its end, and read how it ended; gives whether it did, or is an orphan.

        A process may also end by itself with the code of orphans, so that of `multiprocessing` is not asked first.
        """
        if self.exit_code is None and not self.is_orphan and wait([self.process.sentinel], seconds):
            try:
                self.exit_code = forkserver.read_signed(self.process.sentinel)
            except (OSError, EOFError):  # nobody has written it, or it was read when another process was started
                self.is_orphan = self.process.exitcode == ORPHANED
                self.exit_code = None if self.is_orphan else self.process.exitcode
        return self.exit_code is not None or self.is_orphan

    def kill(self) -> None:
        """End the process with all that it started, which is in its session once it has one."""
        if not self.wait(0):
            self.send_signal(signal.SIGKILL)
        if self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
                os.killpg(self.process.pid, signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Send the process a signal, unless it has ended in this moment."""
        if self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def release(self) -> None:
        """Give up what this process keeps of one that was killed, once it has ended."""
        self.wait(None)
        self.process.join()

    def holds_lock(self) -> bool:
        """Whether a run of its job is still being worked on."""
        return any(RunFolder(one.folder).is_claimed() for one in (self.job, *self.job.batched_with))


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
            over = [worker for sentinel, worker in self.workers.items() if sentinel in ended and worker.wait(0)]
            if orphans := [worker for worker in over if worker.is_orphan]:
                stop_workers(orphans)
                yield Note(f"{SERVER_KILLED} and is started again; the runs in progress go on from their checkpoints")
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
            yield from self._start_worker(self.queue.pop(), slots, slots.limit)
        while not self.queue and self.solo_queue:
            idle = [slots for slots in self.devices if not self._list_workers(slots)]
            if not idle:
                break
            events = self._start_worker(self.solo_queue.pop(0), idle[0], 1)
            yield from (event for event in events if isinstance(event, Note))  # its start was reported at the first

    def _start_worker(self, job: Job, slots: DeviceSlots, max_concurrent: int) -> Iterator[Event]:
        others = self._list_workers(slots)
        here = replace(job, device=slots.device, max_concurrent=max_concurrent)
        monitor = RunMonitor.watch(here)
        for worker in self.workers.values():
            worker.wait(0)  # to start a process reads how others have ended
        process = self.context.Process(target=run_worker, args=(self.work, here), name=here.folder.name)
        started_at_once = start_process(process)
        deadline = time.monotonic() + (self.timeout or float("inf"))
        self.workers[process.sentinel] = Worker(process, here, deadline, monitor, shared=bool(others))
        for other in others:
            other.shared = True
        if not started_at_once:
            yield Note(f"{SERVER_KILLED} while it loaded, and was started again")
        yield JobStarted(here)

    def _list_workers(self, slots: DeviceSlots) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.job.device == slots.device]

    def _end_worker(self, sentinel: int) -> Event:
        """Clean up after a process that has ended."""
        worker = self.workers.pop(sentinel)
        worker.kill()  # and what it started itself
        worker.release()
        code, late = worker.exit_code or 0, time.monotonic() > worker.deadline
        if worker.shared and code and not late:
            if worker.monitor.has_run_out_of_memory():
                return self._requeue(worker.job, "ran out of memory")
            if code == -signal.SIGKILL:  # as the kernel does when the machine has no memory left
                return self._requeue(worker.job, "was killed")
        if worker.is_orphan:
            return JobEnded(worker.job, ExitCode.INTERRUPTED, SERVER_KILLED)
        return JobEnded(worker.job, code, f"stopped after {self.timeout:g} s, its time" if late and code else "")

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
                worker.kill()

    def shut_down(self) -> None:
        """End every process, as `stop_workers` does."""
        stop_workers([*self.workers.values()])


def stop_workers(workers: Sequence[Worker]) -> None:
    """Ask processes to end, and end those that do not; at once if a signal comes meanwhile."""
    try:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in workers:
            worker.wait(max(0.0, deadline - time.monotonic()))
            while worker.is_orphan and worker.holds_lock() and time.monotonic() < deadline:
                time.sleep(TICK_SECONDS)
    finally:
        for worker in workers:
            worker.kill()
            worker.release()
