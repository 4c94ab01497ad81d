"""A contestant in a process of its own, which trains a slice on request and waits in between."""

import contextlib
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from vimae_bench.execution.allocator import count_page_faults, keep_freed_memory

from .workloads import Workload


@dataclass(frozen=True)
class Memory:
    """Peak bytes of the process, and of torch on the GPU (0 without one)."""

    resident: int
    device: int


@dataclass(frozen=True)
class Slice:
    """What a slice took: processor seconds of the process, and the page faults in it; and the peak memory so far."""

    cpu: float
    page_faults: int
    memory: Memory


class Worker:
    """Trains a slice on request; without a contestant (`name` empty) it only loads torch.

    With `keeps_memory` its allocator is set as those of a command's workers are.
    """

    def __init__(self, name: str, workload: Workload, threads: int, *, keeps_memory: bool):
        context = multiprocessing.get_context("spawn")  # the allocator reads its settings when a process starts
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(name, workload, threads, theirs), daemon=True)
        with keep_freed_memory() if keeps_memory else nullcontext():
            self.process.start()
        theirs.close()

    def start(self) -> None:
        """Start a slice."""
        self.connection.send("slice")

    def wait(self) -> Slice:
        """Wait for the end of the slice. Raises RuntimeError if the process died."""
        try:
            return self.connection.recv()
        except EOFError as error:
            raise RuntimeError("a worker died; see its output above") from error

    def close(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join()


@contextmanager
def start_workers(
    keeps_memory: Mapping[str, bool], workload: Workload, threads: int
) -> Generator[dict[str, Worker], None, None]:
    """Start a worker for each name; they end with the context."""
    workers = {name: Worker(name, workload, threads, keeps_memory=keeps) for name, keeps in keeps_memory.items()}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def run_slices(workers: Sequence[Worker]) -> list[Slice]:
    """Let all workers train a slice at the same time."""
    for worker in workers:
        worker.start()
    return [worker.wait() for worker in workers]


def _serve(name: str, workload: Workload, threads: int, connection: Connection) -> None:
    import torch

    from .contestants import Closed, train_contestant

    torch.set_num_threads(threads)
    requests = _Requests(workload, connection)
    with contextlib.suppress(Closed), tempfile.TemporaryDirectory() as folder:
        requests.wait()
        if name:
            train_contestant(name, workload, Path(folder), requests.answer)
        while True:
            requests.answer()


class _Requests:
    """The requests of the process that measures."""

    def __init__(self, workload: Workload, connection: Connection):
        self.workload, self.connection = workload, connection
        self.cpu, self.faults = 0.0, 0

    def wait(self) -> None:
        """Wait for a request. Raises Closed when there will be none."""
        from .contestants import Closed

        try:
            self.connection.recv()
        except EOFError:
            raise Closed from None
        self.cpu, self.faults = time.process_time(), count_page_faults()

    def answer(self) -> None:
        """Say that a slice is trained, and wait for the next request."""
        self.workload.synchronise()
        used = time.process_time() - self.cpu, count_page_faults() - self.faults
        self.connection.send(Slice(*used, _measure_memory(self.workload.device)))
        self.wait()


def _measure_memory(device: str) -> Memory:
    import torch

    held = torch.cuda.max_memory_allocated(device) if device == "cuda" else 0
    return Memory(_measure_resident(), held)


def _measure_resident() -> int:
    status = Path("/proc/self/status")
    if not status.exists():  # macOS, in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux getrusage includes the memory of the parent process.
    return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
