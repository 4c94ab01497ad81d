"""A worker: the server that forks it, and its life from there."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from pathlib import Path

from vimae_bench.execution import Job, signals
from vimae_bench.execution.jobs import LEFT, NO_SPACE
from vimae_bench.storage.atomic import is_disk_full

from .machine import pin

NO_CUDA_YET = "PYTORCH_NVML_BASED_CUDA_CHECK"
PATIENCE = 60.0  # seconds for a GPU to tell its free memory
# Loaded once by the server, and not again by every run.
PRELOADED = [
    "vimae_bench.cli",  # a worker imports what the scheduler was started by
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "sklearn.svm",
    "sklearn.decomposition",
    "vimae_bench.engine.preload",  # last, as it freezes what has been loaded
]


def server() -> ForkServerContext:
    """A server that has the libraries loaded and forks a worker in a few hundredths of a second.

    Forking wants few threads, so BLAS may start none of its own. It also wants a server that has not used CUDA, so
    torch asks the driver's management library whether there are GPUs.
    """
    os.environ.setdefault(NO_CUDA_YET, "1")
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


def live(work: Callable[[Job], int], job: Job) -> None:
    """The life of a worker: one GPU at most, no terminal, its words in the run's log, its end with its scheduler's."""
    os.environ.pop(NO_CUDA_YET, None)  # every step of an optimiser asks for GPUs, and this way of asking is slow
    job = replace(job, device=pin(job.device))
    os.setsid()
    signal.signal(signal.SIGTERM, signals.handle_in_worker)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # not Linux: the kernel chooses for itself whom to kill when memory runs out
        Path("/proc/self/oom_score_adj").write_text("500")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        code = _logged(work, job)
    except signals.Interrupted:
        code = LEFT
    except OSError as error:
        if not is_disk_full(error, job.folder):
            raise
        code = NO_SPACE
    os._exit(code)  # no clean-up of libraries that the server shares


def _logged(work: Callable[[Job], int], job: Job) -> int:
    """Do the work with its words in the run's log; gives its exit code."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "log.txt").open("a", buffering=1) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        code = work(job)
        util._run_finalizers(0)  # locks that a library made here, tqdm for one, would be told as leaked
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(LEFT)


def free_memory(context: ForkServerContext, devices: Sequence[str]) -> list[int]:
    """The bytes free on each GPU; none on one that cannot be used.

    Each is asked by a process of its own, as whoever asks takes up memory on the GPU until it ends.
    """
    asked = [context.Pipe(duplex=False) for _ in devices]
    for device, (_, answer) in zip(devices, asked, strict=True):
        context.Process(target=_tell_free_memory, args=(device, answer), daemon=True).start()
        answer.close()
    return [_answer(question) for question, _ in asked]


def _answer(question: Connection) -> int:
    with contextlib.suppress(EOFError):  # it ended without a word
        if question.poll(PATIENCE):
            return question.recv()
    return 0


def _tell_free_memory(device: str, answer: Connection) -> None:
    name = pin(device)
    import torch

    with contextlib.suppress(RuntimeError):  # a GPU that takes one process at a time, say
        answer.send(torch.cuda.mem_get_info(name)[0])
