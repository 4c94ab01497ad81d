"""A worker process: the server that forks it, and what it does from then on."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from vimae_bench.execution import ExitCode, Job, keep_freed_memory, perform_job, signals
from vimae_bench.plugin import BenchError

from .machine import pin_gpu

NO_CUDA_YET = "PYTORCH_NVML_BASED_CUDA_CHECK"
ANSWER_SECONDS = 60.0
"""For a GPU to report its free memory."""
START_ATTEMPTS = 3
"""How often a process is started where the server is killed meanwhile."""
RETRY_SECONDS = 0.2
"""Between two attempts: the kernel takes a moment to say that the server is gone."""
_preloaded = [__name__]
"""What the server imports when it is started, and when it is started again."""


def start_server(modules: Sequence[str] = ()) -> ForkServerContext:
    """A server that has imported these modules and forks a worker in a few hundredths of a second.

    There is one for a process: while it runs, it imports no more. One that was killed is started again. Its workers
    keep the memory that they free. Forking wants few threads, so BLAS may start none of its own. It also wants a server
    that has not used CUDA, so torch asks the driver's management library whether there are GPUs.
    """
    os.environ.setdefault(NO_CUDA_YET, "1")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("forkserver")
    _preloaded.extend(name for name in modules if name not in _preloaded)
    context.set_forkserver_preload(_preloaded)
    # A signal to every process of a job ends neither the server, without which workers are orphans, nor the tracker.
    with signals.mask():
        resource_tracker.ensure_running()  # it unmasks SIGINT and SIGTERM here
    with signals.mask(), keep_freed_memory():
        forkserver.ensure_running()
    return context


def start_process(process: ForkServerProcess) -> bool:
    """Start a process, and its server again if that is killed; gives whether the first attempt succeeded.

    Raises BenchError if the server is killed every time.
    """
    for attempt in range(START_ATTEMPTS):
        start_server()
        try:
            process.start()
        except (EOFError, ConnectionError):  # the server has ended before it could answer
            time.sleep(RETRY_SECONDS)
        else:
            return attempt == 0
    raise BenchError(
        f"the process that starts workers was killed {START_ATTEMPTS} times (was the machine out of memory?)"
    )


def run_worker(work: Callable[[Job], int], job: Job) -> None:
    """The life of a worker: it sees one GPU at most and no terminal, and ends when its scheduler does."""
    os.environ.pop(NO_CUDA_YET, None)  # every step of an optimiser asks for GPUs, and this way of asking is slow
    job = replace(job, device=pin_gpu(job.device))
    os.setsid()
    signal.signal(signal.SIGTERM, signals.handle_in_worker)
    signal.signal(signal.SIGHUP, signals.handle_in_worker)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # not Linux: the kernel chooses for itself whom to kill when memory runs out
        Path("/proc/self/oom_score_adj").write_text("500")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        signals.unmask()
        code = perform_job(work, job)
    except signals.Interrupted:  # before it began, or after it ended
        code = ExitCode.INTERRUPTED
    except BaseException:  # its traceback is in the log
        code = ExitCode.FAILED
    for number in signals.STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the code is known
    util._run_finalizers(0)  # locks that a library made here, tqdm for one, would be reported as leaked
    os._exit(code)  # no clean-up of libraries that the server shares


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(ExitCode.INTERRUPTED)


def query_free_memory(context: ForkServerContext, devices: Sequence[str]) -> list[int]:
    """The bytes free on each GPU; none on one that cannot be used.

    Each is asked by a process of its own, as whoever asks takes up memory on the GPU until it ends.
    """
    pipes = [context.Pipe(duplex=False) for _ in devices]
    for device, (_, answer) in zip(devices, pipes, strict=True):
        start_process(context.Process(target=_send_free_memory, args=(device, answer), daemon=True))
        answer.close()
    return [_receive(question) for question, _ in pipes]


def _receive(question: Connection) -> int:
    with contextlib.suppress(EOFError):  # it ended without an answer
        if question.poll(ANSWER_SECONDS):
            return question.recv()
    return 0


def _send_free_memory(device: str, answer: Connection) -> None:
    signals.unmask()
    name = pin_gpu(device)
    import torch

    with contextlib.suppress(RuntimeError):  # a GPU that takes one process at a time, say
        answer.send(torch.cuda.mem_get_info(name)[0])
