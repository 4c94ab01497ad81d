"""A contestant in a separate process, to measure its memory and to run several at a time."""

import multiprocessing
import resource
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from .workloads import Workload


class Worker:
    """Trains a slice on request; without a contestant (`name` empty) it only loads torch."""

    def __init__(self, name: str, workload: Workload, threads: int):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torch"])
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(name, workload, threads, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def start(self) -> None:
        """Start a slice."""
        self.connection.send("slice")

    def wait(self) -> "Memory":
        """Wait for the end of the slice; returns the peak memory so far. Raises RuntimeError if the process died."""
        try:
            return self.connection.recv()
        except EOFError as error:
            raise RuntimeError("a worker died; see its output above") from error

    def close(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join()


@contextmanager
def start_workers(names: Sequence[str], workload: Workload, threads: int) -> Generator[list[Worker], None, None]:
    """Start one worker for each name; they end with the context."""
    workers = [Worker(name, workload, threads) for name in names]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def run_slices(workers: Sequence[Worker]) -> list["Memory"]:
    """Let all workers train a slice at the same time."""
    for worker in workers:
        worker.start()
    return [worker.wait() for worker in workers]


@dataclass(frozen=True)
class Memory:
    """Peak bytes of the process, and of torch on the GPU (0 without one)."""

    resident: int
    device: int


def _serve(name: str, workload: Workload, threads: int, connection: Connection) -> None:
    import torch

    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        contestant = None
        while _wait_for_request(connection):
            if name:
                from .contestants import make

                contestant = contestant or make(name, workload, Path(folder))
                contestant.slice()
                workload.synchronise()
            connection.send(_memory(workload.device))
        if contestant:
            contestant.close()


def _wait_for_request(connection: Connection) -> bool:
    try:
        return bool(connection.recv())
    except EOFError:
        return False


def _memory(device: str) -> Memory:
    import torch

    held = torch.cuda.max_memory_allocated(device) if device == "cuda" else 0
    return Memory(_resident(), held)


def _resident() -> int:
    status = Path("/proc/self/status")
    if not status.exists():  # macOS, in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux getrusage includes the memory of the parent process.
    return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
