"""The state of a training between two steps, in files that show whether they are intact.

The sha256 of a file is part of its name: neither torch nor the file system notices a flipped bit. That, and keeping
the newest two, stands in for waiting until each is on the disk: a process that is killed loses the epochs of the last
`INTERVAL_SECONDS`, a machine that loses power twice as many. None is written after the last epoch, which the weights
follow. A training that is asked to end writes one wherever it is, within an epoch too.
"""

import secrets
from pathlib import Path
from typing import Any, cast

import torch

from ...storage.atomic import compute_sha256
from ...storage.plain_files import check_plain_file, list_plain_folder, make_folder_of
from ...storage.verify import set_aside, verify_checkpoint

INTERVAL_SECONDS = 5.0
"""Seconds of training between two checkpoints: a state is written at the end of the first epoch after them."""
MAX_CHECKPOINTS = 2


def get_interval(seconds: float | None) -> float:
    """The seconds of training between two checkpoints; `INTERVAL_SECONDS` where none are given."""
    return INTERVAL_SECONDS if seconds is None else seconds


def save_checkpoint(folder: Path, epoch: int, state: dict[str, Any], steps: int = 0) -> None:
    """Keep the state after an epoch and some steps of the next, and the newest before it."""
    make_folder_of(folder / "state.pt")
    temporary = folder / f".{secrets.token_hex(4)}.tmp"
    try:
        torch.save(state, temporary)
        temporary.replace(folder / f"epoch-{epoch:05d}.{steps:07d}-{compute_sha256(temporary)[:16]}.pt")
    finally:
        temporary.unlink(missing_ok=True)
    for old in _list_newest_first(folder)[MAX_CHECKPOINTS:]:
        old.unlink(missing_ok=True)


def load_latest_checkpoint(folder: Path, device: torch.device) -> tuple[int, dict[str, Any]] | None:
    """The newest intact state and its epoch. Damaged files, and those that hold code, are set aside as `*.corrupt`."""
    for path in _list_newest_first(folder):
        if (state := _read_state(path, device)) is not None:
            return int(path.stem.split("-")[1].partition(".")[0]), state
        set_aside(path)
    return None


def _read_state(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What a file holds, none of it run; None where it is damaged or not a state."""
    try:
        check_plain_file(path)
        verify_checkpoint(path)
        state: object = torch.load(path, map_location=device, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):  # there is nothing wrong with the file
        raise
    except Exception:  # a damaged archive fails in many ways
        return None
    return cast("dict[str, Any]", state) if isinstance(state, dict) else None


def _list_newest_first(folder: Path) -> list[Path]:
    return list_plain_folder(folder, "epoch-*-*.pt")[::-1]
