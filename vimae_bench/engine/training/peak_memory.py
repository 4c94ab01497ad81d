"""The most memory that was held at a time: of the GPU by tensors, on a CPU of the machine by the process."""

from contextlib import suppress
from pathlib import Path

import torch

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK_FIELD = "VmHWM:"
"""What Linux calls the largest resident set of a process; the line has it in KiB."""


def reset_peak_memory(device: torch.device) -> None:
    """Make the peak what is held now, on a GPU and on Linux; elsewhere it is unknown."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif CLEAR_REFS.exists():
        with suppress(OSError):  # a sandbox may forbid it: the peak is then that since the process began
            CLEAR_REFS.write_text("5")


def read_peak_memory(device: torch.device) -> int | None:
    """Bytes since `reset_peak_memory`, on a CPU those of the whole process with its libraries; None where unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if not (STATUS.exists() and CLEAR_REFS.exists()):
        return None
    lines = STATUS.read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(PEAK_FIELD)), None)
