"""How many runs share a device. On a GPU, runs are added one by one while each raises the speed of all together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import fmean

from .run_monitor import Told

GIB = 2**30
CPU_NEED = GIB
"""The memory that a run on a CPU is reckoned with, in bytes."""
GPU_NEED = GIB // 2
"""The least that a run takes on a GPU, in bytes: CUDA's own share."""
ROOM = 1.5
"""How many times the need of the others has to be free for one more: metrics may take more than training."""
WORTH = 0.05
"""What one more run has to add to the speed of all together."""
EPOCHS, SECONDS = 3, 2.0
"""What every run has to have trained beside the same others before its speed counts."""


@dataclass
class Slots:
    """A device, and how many runs may share it; while `growing`, one more whenever that has proved to pay."""

    device: str
    limit: int
    most: int = 0
    why: str = ""
    """Why there may never be more than `most`."""
    growing: bool = False
    free: int = 0
    """Bytes of the device's memory before the first run."""
    before: Mapping[str, float] = field(default_factory=dict[str, float])
    """Paces with one run fewer."""

    def consider(self, runs: Sequence[Told], waiting: bool, free: Callable[[], int]) -> str:
        """Allow one more run, or settle for a number; gives a line about it once settled."""
        if not waiting:
            self.limit = max(1, len(runs))
            return self._settle("no more are waiting")
        now = paces(runs) if len(runs) == self.limit else {}
        added = gain(self.before, now, self.limit)
        if added is None:
            return ""
        if added < WORTH:
            self.limit -= 1
            return self._settle(f"one more {'added only' if added >= 0 else 'cost'} {abs(100 * added):.0f} %")
        if self.limit >= self.most:
            return self._settle(self.why)
        left = free()
        need = max(GPU_NEED, (self.free - left) // self.limit)
        if left < ROOM * need:
            return self._settle(f"{_gib(left)} of memory left, about {_gib(need)} for each")
        self.before, self.limit = now, self.limit + 1
        return ""

    @property
    def bound(self) -> int:
        """The most runs that may come to share the device, as far as is known."""
        return self.most if self.growing else self.limit

    def lower(self) -> None:
        """One run fewer from now on: one has run out of memory."""
        self.limit, self.growing = max(1, self.limit - 1), False

    def _settle(self, why: str) -> str:
        self.growing = False
        return f"{side_by_side(self.limit)} on {self.device}: {why}"


def on_cpu(cores: int, threads: int, memory: int, jobs: int) -> tuple[int, str]:
    """How many runs go side by side on a CPU, and why not more; `memory` in bytes."""
    bounds = [
        (cores // threads, f"{_many(cores, 'core')}, {_many(threads, 'thread')} each"),
        (memory // CPU_NEED, f"{_gib(memory)} of memory available, {_gib(CPU_NEED)} for each"),
        (jobs, "there are no more"),
    ]
    count, why = min(bounds, key=lambda bound: bound[0])
    return max(1, count), why


def on_gpus(devices: Sequence[str], cores: int, threads: int, jobs: int) -> list[Slots]:
    """One run on each GPU to begin with; at most as many as its share of the cores can feed."""
    why = f"{_many(cores, 'core')} for {_many(len(devices), 'GPU')}, {_many(threads, 'thread')} each"
    most = max(1, cores // threads // len(devices))
    return [Slots(device, 1, most, why, growing=jobs > len(devices)) for device in devices]


def paces(runs: Sequence[Told]) -> dict[str, float]:
    """Mean seconds of an epoch for each workload; empty until all runs have trained together for long enough.

    That time begins when the last of them has its first epoch behind it, in which a run compiles and warms up.
    """
    if not all(run.training for run in runs):
        return {}
    began = max(run.epochs[0].end for run in runs)
    counted = {run: [e.seconds for e in run.epochs if e.end - e.seconds >= began] for run in runs}
    if any(len(seconds) < EPOCHS or sum(seconds) < SECONDS for seconds in counted.values()):
        return {}
    workloads = {run.workload for run in runs}
    return {w: fmean(s for run in runs if run.workload == w for s in counted[run]) for w in workloads}


def gain(before: Mapping[str, float], now: Mapping[str, float], runs: int) -> float | None:
    """What the last of `runs` runs added to the speed of all, as a share of it; None while that cannot be told.

    A workload is compared with itself, and the new run counted as one that goes like the others.
    """
    if runs == 1:
        return inf if now else None
    slowed = [before[workload] / pace for workload, pace in now.items() if workload in before]
    return fmean(slowed) * runs / (runs - 1) - 1 if slowed else None


def side_by_side(count: int) -> str:
    """`4 runs side by side`."""
    return f"{count} runs side by side" if count > 1 else "one run at a time"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB"
