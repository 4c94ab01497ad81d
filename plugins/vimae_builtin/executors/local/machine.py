"""What this process may use of the machine: cores, memory, GPUs, under the limits of the container it is in."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from vimae_bench.plugin import BenchError

ROOT = Path("/")


def count_cores(root: Path = ROOT) -> int:
    """The cores that affinity and the control groups' quotas leave; a part of a core counts as one."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([here, *_read_cpu_quotas(root)])


def measure_free_memory(root: Path = ROOT) -> int:
    """The bytes of memory available without swapping; where the system does not say (macOS), those of the machine."""
    meminfo = _read_numbers(root / "proc/meminfo")
    if "MemAvailable:" not in meminfo:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(0, min([meminfo["MemAvailable:"] * 1024, *_read_memory_limits(root)]))


def find_gpus(device: str) -> list[str]:
    """The GPUs that `auto`, `cuda` or `cuda:1` means; none for `cpu`. Raises BenchError for one that is not there."""
    if device == "cpu":
        return []
    found = [f"cuda:{i}" for i in range(_count_gpus())]
    if device == "auto" or (device == "cuda" and found):
        return found
    if device in found:
        return [device]
    raise BenchError(f"there is no device {device!r} here; torch finds {', '.join(['cpu', *found])}")


def pin_gpu(device: str) -> str:
    """Let this process see one GPU alone; gives the name it has here. Has to come before CUDA is first used."""
    if device == "cpu":
        return device
    index, visible = int(device.partition(":")[2] or 0), _list_visible_gpus()
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[index] if visible else str(index)
    return "cuda:0"


def _count_gpus() -> int:
    """How many GPUs a worker can be given. CUDA shows a process one MIG instance at most, whatever is named."""
    if (visible := _list_visible_gpus()) and visible[0].startswith("MIG-"):
        return len(visible)
    import torch

    return torch.cuda.device_count()


def _list_visible_gpus() -> list[str]:
    return [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]


def _read_cpu_quotas(root: Path) -> Iterator[int]:
    """The cores that each control group above this process is given."""
    for group in _list_control_groups("cpu", root):
        words = _read_words(group / "cpu.max") or _read_words(group / "cpu.cfs_quota_us") + _read_words(
            group / "cpu.cfs_period_us"
        )
        if len(words) == 2 and words[0] not in ("max", "-1"):
            yield max(1, math.ceil(int(words[0]) / int(words[1])))


def _read_memory_limits(root: Path) -> Iterator[int]:
    """The bytes left in each control group above this process. Pages of files that are no longer read are free."""
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for group in _list_control_groups("memory", root):
        stat = _read_numbers(group / "memory.stat")
        idle = stat.get("total_inactive_file", stat.get("inactive_file", 0))
        for limit, used in names:
            words = _read_words(group / limit) + _read_words(group / used)
            if len(words) == 2 and words[0] != "max":
                yield int(words[0]) - int(words[1]) + idle


def _list_control_groups(controller: str, root: Path) -> Iterator[Path]:
    """The control groups of this process that limit one resource, each with those above it; version 1 and 2."""
    for line in _read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base = root / "sys/fs/cgroup" / (controller if controllers else "")
            group = base / path.lstrip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(base))


def _read_numbers(path: Path) -> dict[str, int]:
    """The lines `name number ...` of a file; none if it is not there."""
    lines = [line.split() for line in _read_text(path).splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _read_words(path: Path) -> tuple[str, ...]:
    return tuple(_read_text(path).split())


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # this system, or this version of control groups, has no such file
        return ""
