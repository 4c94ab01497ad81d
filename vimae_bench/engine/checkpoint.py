"""The state of a training between two epochs, in a file that knows whether it is whole.

The sha256 of the file is part of its name: neither torch nor the file system notices a flipped bit.
"""

from pathlib import Path
from typing import Any

import torch

from ..files import sha256, write_whole


def save(folder: Path, epoch: int, state: dict[str, Any]) -> None:
    """Keep the state after an epoch, in place of earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    older = list(folder.glob("epoch-*.pt"))
    unnamed = folder / "unnamed.pt"
    write_whole(unnamed, lambda path: torch.save(state, path))
    kept = folder / f"epoch-{epoch:05d}-{sha256(unnamed)[:16]}.pt"
    unnamed.replace(kept)
    for path in older:
        if path != kept:
            path.unlink(missing_ok=True)


def latest(folder: Path, device: torch.device) -> tuple[int, dict[str, Any]] | None:
    """The newest whole state and its epoch. Damaged files are set aside as `*.corrupt`."""
    for path in sorted(folder.glob("epoch-*.pt"), reverse=True):
        _, epoch, digest = path.stem.split("-")
        if sha256(path)[:16] == digest:
            return int(epoch), torch.load(path, map_location=device, weights_only=True)
        path.replace(path.with_suffix(".corrupt"))
    return None
