"""Runs side by side on this machine, each in a process of its own, so that one that dies takes no other with it."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from vimae_bench import BenchError, Event, Executor, Order, hookimpl

INTERRUPTED = 75  # EX_TEMPFAIL: the run can be taken up again
TICK = 0.2  # seconds
GRACE = 5.0  # seconds between asking a process to end and ending it
# Loaded once by the server, and not again by every run; torch's optimisers load its compiler when first made.
PRELOADED = [
    "vimae_bench.engine.execute",
    "torch._dynamo",
    "matplotlib.figure",
    "sklearn.svm",
    "sklearn.decomposition",
]


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
            crew = Crew(work, self.slots(orders), self.timeout, _server())
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
        process = self.context.Process(target=_child, args=(self.work, here), name=here.folder.name)
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


def _server() -> ForkServerContext:
    """A server that has the libraries loaded and forks a worker in a few hundredths of a second.

    Forking wants few threads, so BLAS may start none of its own.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with _deaf_to_interrupts():
        forkserver.ensure_running()
    return context


@contextlib.contextmanager
def _deaf_to_interrupts() -> Generator[None, None, None]:
    """What is started here ignores Ctrl-C: it is for the scheduler, which ends what it started."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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


def _child(work: Callable[[Order], int], order: Order) -> None:
    """The life of a worker: no terminal of its own, its words in the run's log, its end with its scheduler's."""
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # not Linux: the kernel chooses for itself whom to kill when memory runs out
        Path("/proc/self/oom_score_adj").write_text("500")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    order.folder.mkdir(parents=True, exist_ok=True)
    with (order.folder / "log.txt").open("a", buffering=1) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        code = work(order)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)  # no clean-up of libraries that the server shares


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(INTERRUPTED)


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `local`."""
    return {"local": Local}
