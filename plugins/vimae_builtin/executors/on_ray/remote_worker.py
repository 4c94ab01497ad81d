"""A run on a node: in the results folder where the node sees it, or else in a folder of the node's own."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vimae_bench.data import get_data_folder
from vimae_bench.execution import Job, RunFolder, perform_job, signals

from .file_transfer import Files, FileUpdate, collect_update, pack_files, unpack_files

UPDATE_SECONDS = 1.0
"""Between two updates of what a run has written."""
SCRATCH_PREFIX = "vimae-bench-ray-"


def run_remotely(work: Callable[[Job], int], job: Job, files: Files | None, updates: Any) -> tuple[int, Files | None]:  # noqa: ANN401
    """Do a job on this node; gives its exit code and, where the node has them, the files of its runs.

    `files` are those that the results folder has of the runs; None where this node sees that folder. `updates` is a Ray
    queue for pairs of a run's name and its `FileUpdate`, the first of them None: the run has begun.
    """
    with contextlib.ExitStack() as stack:
        here = job if files is None else _move_job(job, stack.enter_context(_make_scratch_folder()))
        if files is not None:
            RunFolder(here.folder).benchmark.mkdir()  # where it is not there a worker takes it for moved
            unpack_files(here, files)
        here = _set_data(replace(here, device=_choose_device(job)), _find_data(job))
        updates.put((job.folder.name, None))
        # `ray.cancel` calls this process's handler of SIGINT. What a task gives after that still reaches the driver.
        before = signal.signal(signal.SIGINT, signals.handle_in_worker)
        stack.callback(signal.signal, signal.SIGINT, before)
        with UpdateSender(here, job.folder.name, updates) if files is not None else contextlib.nullcontext():
            code = perform_job(work, here)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is done reaches the driver, whatever comes now
        return code, None if files is None else pack_files(here)


@dataclass
class UpdateSender:
    """A thread that sends what the run writes, where the driver does not see its files.

    Ray brings home what a task gives when it ends. Without this thread such a run would show no progress until then,
    and one that loses its node would begin from nothing instead of its newest checkpoint.
    """

    job: Job
    name: str
    updates: Any
    offset: int = 0
    checkpoints: list[str] = field(default_factory=list[str])
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "UpdateSender":
        folder = RunFolder(self.job.folder)
        self.offset = folder.events.stat().st_size if folder.events.exists() else 0
        self.checkpoints = [path.name for path in folder.checkpoints.glob("*.pt")]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.over.wait(UPDATE_SECONDS):
            update: FileUpdate = collect_update(RunFolder(self.job.folder), self.offset, self.checkpoints)
            if update.events or update.checkpoints:
                self.offset += len(update.events)
                self.checkpoints += update.checkpoints
                self.updates.put((self.name, update))


def _move_job(job: Job, scratch: Path) -> Job:
    """The job with its runs below a folder of this node."""
    others = tuple(_move_job(one, scratch) for one in job.batched_with)
    return replace(job, folder=scratch / job.benchmark / "runs" / job.folder.name, batched_with=others)


@contextlib.contextmanager
def _make_scratch_folder() -> Generator[Path]:
    """A folder of this process's own; those of processes that were killed are removed first."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{SCRATCH_PREFIX}*"):
        pid = left.name.removeprefix(SCRATCH_PREFIX).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH_PREFIX}{os.getpid()}-", dir=root) as folder:
        yield Path(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _choose_device(job: Job) -> str:
    """Ray lets a task see the GPU that it is given, and one that is given none see all of them."""
    if job.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return "cpu"
    return "cuda:0"


def _set_data(job: Job, data: Path) -> Job:
    return replace(job, data=data, batched_with=tuple(_set_data(one, data) for one in job.batched_with))


def _find_data(job: Job) -> Path:
    """The driver's folder of data sets, or this node's own where that is not here."""
    return job.data if job.data.exists() else get_data_folder()
