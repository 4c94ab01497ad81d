"""How many runs share a device: as many as there are cores for, and memory."""

from dataclasses import dataclass

GIB = 2**30
CPU_MEMORY_PER_RUN = GIB
"""The memory that a run on a CPU is expected to take, in bytes."""
GPU_MEMORY_PER_RUN = 4 * GIB
"""The same on a GPU. A run that takes more and finds none left is tried again with the GPU to itself."""


@dataclass
class DeviceSlots:
    """A device, and how many runs may share it."""

    device: str
    limit: int

    def lower(self) -> None:
        """Let one run fewer share the device, after one has run out of memory."""
        self.limit = max(1, self.limit - 1)


def choose_limit(cores: int, threads: int, memory: int, memory_per_run: int, runs: int) -> tuple[int, str]:
    """How many runs share a device, and why not more.

    `cores` are those that serve the device, `threads` those that a run uses; `memory` is what the device has free, in
    bytes, and `runs` is how many there are for it.
    """
    bounds = [
        (cores // threads, f"{_format_count(cores, 'core')}, {_format_count(threads, 'thread')} each"),
        (
            memory // memory_per_run,
            f"{_format_gib(memory)} of memory available, {_format_gib(memory_per_run)} for each",
        ),
        (runs, "there are no more"),
    ]
    count, why = min(bounds, key=lambda bound: bound[0])
    return max(1, count), why


def format_concurrency(count: int) -> str:
    """Such as `4 runs at a time`."""
    return f"{count} runs at a time" if count > 1 else "one run at a time"


def _format_count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _format_gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB"
