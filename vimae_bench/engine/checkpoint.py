"""The state of a training between two epochs, in files that know whether they are whole.

The sha256 of a file is part of its name: neither torch nor the file system notices a flipped bit. That, and keeping
the newest two, stands in for waiting until each is on the disk: a process that is killed loses the epochs of the last
`EVERY` seconds, a machine that loses power twice as many. None is written of the last epoch, which the weights follow.
"""

import os
from pathlib import Path
from typing import Any

import torch

from ..files import sha256

EVERY = 5.0
"""Seconds of training between two checkpoints: a state is written at the end of the first epoch after them."""
KEPT = 2


def save(folder: Path, epoch: int, state: dict[str, Any]) -> None:
    """Keep the state after an epoch, and the newest before it."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{os.getpid()}.tmp"
    torch.save(state, temporary)
    temporary.replace(folder / f"epoch-{epoch:05d}-{sha256(temporary)[:16]}.pt")
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def latest(folder: Path, device: torch.device) -> tuple[int, dict[str, Any]] | None:
    """The newest whole state and its epoch. Damaged files are set aside as `*.corrupt`."""
    for path in _newest_first(folder):
        _, epoch, digest = path.stem.split("-")
        if sha256(path)[:16] == digest:
            return int(epoch), torch.load(path, map_location=device, weights_only=True)
        path.replace(path.with_suffix(".corrupt"))
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.pt"), reverse=True)
