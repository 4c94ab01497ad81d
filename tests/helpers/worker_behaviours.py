"""What a worker may do; in a separate module, so that worker processes can import it."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

from vimae_bench.execution import Job, MatrixEntry, PluginSpec, Run, Training
from vimae_bench.storage.run_folder import RunFolder

BEHAVIOURS = ("ends well", "raises", "is killed", "crashes", "exits", "hangs", "ends well too", "exits as an orphan")


def make_job(folder: Path, fate: int, seed: int | None = None) -> Job:
    plain, seed = PluginSpec("toy"), fate if seed is None else seed
    run = Run(plain, plain, plain, plain, 2, Training(), seed)
    return Job("toy", MatrixEntry(BEHAVIOURS[fate], run, ()), folder / str(seed), folder)


def behave(one: Job) -> int:
    """Do what the label says."""
    (one.folder / "pid").write_text(str(os.getpid()))
    print("a word for the log")
    match one.entry.label:
        case "raises":
            raise RuntimeError("on purpose")
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crashes":
            ctypes.string_at(0)
        case "exits":
            os._exit(3)
        case "exits as an orphan":  # with the code that multiprocessing gives one
            os._exit(255)
        case "hangs":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        case _:
            return 0
    return 1


def wait_to_be_killed(one: Job) -> int:
    (one.folder / "pid").write_text(str(os.getpid()))
    time.sleep(600)
    return 0


def wait_once(one: Job) -> int:
    """Wait to be killed; succeed when tried again."""
    one.folder.mkdir(parents=True, exist_ok=True)
    if (one.folder / "pid").exists():
        return 0
    return wait_to_be_killed(one)


def save_when_asked(one: Job) -> int:
    """Hold the lock of the run, and take some time for a checkpoint when asked to end."""
    with RunFolder(one.folder).claim():
        try:
            return wait_to_be_killed(one)
        finally:
            time.sleep(0.5)
            (one.folder / "checkpoint").touch()


def leave_a_child(one: Job) -> int:
    """Start a child process and be killed."""
    child = subprocess.Popen(["sleep", "600"])
    (one.folder / "child").write_text(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def write_devices(one: Job) -> int:
    (one.folder / "report").write_text(f"{os.environ['CUDA_VISIBLE_DEVICES']} {one.device}")
    return 0


def run_out_of_memory(one: Job) -> int:
    """The run of seed 1 needs its device alone; the others are slow enough to run at the same time."""
    tried = one.folder / "tried"
    if one.entry.run.seed != 1:
        time.sleep(0.5)
        return 0
    if tried.exists():
        return int(one.max_concurrent > 1)
    tried.touch()
    time.sleep(0.2)
    if one.entry.label == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    RunFolder(one.folder).append_event(
        "ended", status="failed", reason="OutOfMemoryError: CUDA out of memory.", time=0.0
    )
    return 1


def hold_a_lock(one: Job) -> int:
    """Create a lock that is released only by a clean exit, as tqdm does."""
    global lock
    lock = multiprocessing.get_context("forkserver").Lock()
    return 0
