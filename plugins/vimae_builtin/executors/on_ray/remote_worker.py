"""A run on a node: in the results folder where the node sees it, or else in a folder of the node's own.

A thread beside the work tells the driver what it writes, and hears from it when it is to end.
"""

import _thread
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vimae_bench.execution import Job, signals
from vimae_bench.execution.jobs import LEFT
from vimae_bench.storage.run_folder import RunFolder

from .file_transfer import Files, News, news, pack, unpack

EVERY = 1.0
"""Seconds between two words to the driver."""
SCRATCH = "vimae-bench-ray-"


@dataclass
class Desk:
    """Where the driver and the runs leave word for each other; an actor on the driver's node."""

    posts: dict[str, list[News]] = field(default_factory=dict[str, list[News]])
    over: bool = False

    def post(self, run: str, news: News | None) -> bool:
        """A run begins, or tells something new; gives whether it is to end."""
        posts = self.posts.setdefault(run, [])
        if news:
            posts.append(news)
        return self.over

    def collect(self) -> dict[str, list[News]]:
        """What the runs under way have told since it was last asked."""
        told, self.posts = self.posts, {}
        return told

    def close(self) -> None:
        """All runs are to end."""
        self.over = True


def carry(work: Callable[[Job], int], job: Job, given: Files | None, desk: Any) -> tuple[int, Files | None]:  # noqa: ANN401
    """Do the work of a job on this node; gives its exit code and, where the node has them, its files.

    `given` are the files that the results folder has of the run; None where this node sees that folder.
    """
    import ray

    with contextlib.ExitStack() as stack:
        here = job if given is None else _elsewhere(job, stack.enter_context(_scratch()))
        if given is not None:
            unpack(here, given)
        here = _with_data(replace(here, device=_device(job)), _data(job))

        def post(told: News | None) -> bool:
            return ray.get(desk.post.remote(job.folder.name, told))

        with _interruptible(), Beside(RunFolder(here.folder), post, seen=given is None):
            code = _logged(work, here)
        return code, None if given is None else pack(here)


@dataclass
class Beside:
    """The thread beside the work. Where the driver sees the run's files itself, there is nothing to tell it of them."""

    folder: RunFolder
    post: Callable[[News | None], bool]
    seen: bool
    offset: int = 0
    checkpoints: list[str] = field(default_factory=list[str])
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Beside":
        self.offset = self.folder.events.stat().st_size if self.folder.events.exists() else 0
        self.checkpoints = [path.name for path in self.folder.checkpoints.glob("*.pt")]
        self.post(None)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.over.wait(EVERY):
            told = None if self.seen else news(self.folder, self.offset, self.checkpoints)
            if told and (told.events or told.checkpoints):
                self.offset += len(told.events)
                self.checkpoints += told.checkpoints
            if self.post(told) and not self.over.is_set():
                _thread.interrupt_main(signal.SIGTERM)


@contextlib.contextmanager
def _interruptible() -> Generator[None]:
    before = signal.signal(signal.SIGTERM, signals.handle_in_worker)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _logged(work: Callable[[Job], int], job: Job) -> int:
    """Do the work with its words in the run's log; gives its exit code."""
    job.folder.mkdir(parents=True, exist_ok=True)
    kept = os.dup(1), os.dup(2)
    with (job.folder / "log.txt").open("a", buffering=1) as log:
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            return work(job)
        except signals.Interrupted:
            return LEFT
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, before in enumerate(kept, 1):
                os.dup2(before, number)
                os.close(before)


def _elsewhere(job: Job, scratch: Path) -> Job:
    seeds = tuple(_elsewhere(one, scratch) for one in job.batched_with)
    return replace(job, folder=scratch / job.benchmark / "runs" / job.folder.name, batched_with=seeds)


@contextlib.contextmanager
def _scratch() -> Generator[Path]:
    """A folder of this process's own; those of processes that were killed are removed first."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{SCRATCH}*"):
        pid = left.name.removeprefix(SCRATCH).partition("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", dir=root) as folder:
        yield Path(folder)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _device(job: Job) -> str:
    """Ray lets a task see the GPU it is given, and one that is given none see all of them."""
    if job.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return "cpu"
    return "cuda:0"


def _with_data(job: Job, data: Path) -> Job:
    return replace(job, data=data, batched_with=tuple(_with_data(one, data) for one in job.batched_with))


def _data(job: Job) -> Path:
    """The driver's folder of data sets, or this node's own where that is not here."""
    from vimae_bench.data.prepare import get_data_folder

    return job.data if job.data.exists() else get_data_folder()
