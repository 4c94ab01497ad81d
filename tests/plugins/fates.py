"""What a worker may do; in a module of its own, so that worker processes can import it."""

import ctypes
import os
import signal
import time
from pathlib import Path

from vimae_bench import Cell, Choice, Order, Run, Training

FATES = ("ends well", "raises", "is killed", "crashes", "exits", "hangs", "ends well too")


def order(folder: Path, seed: int) -> Order:
    plain = Choice("toy")
    run = Run(plain, plain, plain, plain, 2, Training(), seed)
    return Order("toy", Cell(FATES[seed], run, ()), folder / str(seed), folder)


def work(one: Order) -> int:
    """What the label says."""
    (one.folder / "pid").write_text(str(os.getpid()))
    print("a word for the log")
    match one.cell.label:
        case "raises":
            raise RuntimeError("on purpose")
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crashes":
            ctypes.string_at(0)
        case "exits":
            os._exit(3)
        case "hangs":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        case _:
            return 0
    return 1


def patient(one: Order) -> int:
    (one.folder / "pid").write_text(str(os.getpid()))
    time.sleep(600)
    return 0
