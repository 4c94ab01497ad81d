"""The state of a training between two steps, in files that show whether they are intact.

The sha256 of a file is part of its name: neither torch nor the file system notices a flipped bit. That, and keeping
the newest two, stands in for waiting until each is on the disk: a process that is killed loses the epochs of the last
`INTERVAL_SECONDS`, a machine that loses power twice as many. None is written after the last epoch, which the weights
follow. A training that is asked to end writes one wherever it is, within an epoch too.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from zipfile import ZIP_STORED, ZipFile

import torch
from torch import Tensor, nn

from ...core.canonical import fingerprint
from ...core.errors import ResultsError
from ...storage.atomic import compute_sha256
from ...storage.plain_files import check_plain_file, list_plain_folder, make_folder_of, open_plain_file
from ...storage.run_folder import RunFolder, read_events
from ...storage.verify import set_aside, verify_checkpoint

INTERVAL_SECONDS = 5.0
"""Seconds of training between two checkpoints: a state is written at the end of the first epoch after them."""
MAX_CHECKPOINTS = 2
MAX_OVERHEAD = 2**26
"""Bytes of a file apart from what `count_bytes` counts twice."""
EPOCH_IN_NAME = re.compile(r"epoch-([0-9]{5,9})(?:\.[0-9]+)?-[0-9a-f]{16}\.pt")


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


def load_latest_checkpoint(
    folder: Path, device: torch.device, fits: Callable[[int, dict[str, Any]], bool] | None = None, size: int = 0
) -> tuple[int, dict[str, Any]] | None:
    """The newest intact state that `fits`, called with its epoch, and this epoch.

    Damaged files, those that hold code and those that do not fit are set aside as `*.corrupt`, as are those that take
    several times the bytes of a state, `size`, if that is given.
    """
    for path in _list_newest_first(folder):
        state, epoch = _read_state(path, device, size), EPOCH_IN_NAME.fullmatch(path.name)
        if state is not None and epoch and (fits is None or fits(int(epoch[1]), state)):
            return int(epoch[1]), state
        set_aside(path)
    return None


def has_form_of(value: object, expected: object) -> bool:
    """Whether a part of a state can take the place of another: the same names, numbers of things, shapes and types."""
    if isinstance(expected, Tensor):
        return isinstance(value, Tensor) and (value.shape, value.dtype) == (expected.shape, expected.dtype)
    if isinstance(expected, Mapping):
        given, inner = cast("Mapping[object, object]", value), cast("Mapping[object, object]", expected)
        is_alike = isinstance(value, Mapping) and given.keys() == inner.keys()
        return is_alike and all(has_form_of(given[key], part) for key, part in inner.items())
    if isinstance(expected, list | tuple):
        items, parts = cast("Sequence[object]", value), cast("Sequence[object]", expected)
        is_alike = isinstance(value, list | tuple) and len(items) == len(parts)
        return is_alike and all(has_form_of(*pair) for pair in zip(items, parts, strict=True))
    return type(value) is type(expected)


def describe_form(state: Mapping[str, Any]) -> str:
    """A fingerprint of the names, shapes and types in the state of a model and its optimisers."""
    return fingerprint([_list_form(state["model"]), _list_form(state["optimisers"])])


def verify_form(folder: RunFolder, path: Path) -> None:
    """Raises ResultsError for a checkpoint that its run cannot go on from, as far as the run's events say that."""
    started = [line for line, _ in read_events(folder.events) if line["event"] == "started"]
    if not started or not isinstance(form := started[-1].get("form"), str):
        return
    try:
        state = cast("dict[str, Any]", torch.load(path, map_location="cpu", weights_only=True, mmap=True))
        found = describe_form(state)
    except Exception as error:  # a damaged archive fails in many ways
        raise ResultsError(f"{path}: is not the state of a training ({type(error).__name__})") from error
    if found != form:
        raise ResultsError(f"{path}: does not fit the model of its run")


def _list_form(value: object) -> object:
    if isinstance(value, Tensor):
        return [[*value.shape], str(value.dtype)]
    if isinstance(value, Mapping):
        return {str(key): _list_form(inner) for key, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_list_form(inner) for inner in cast("Sequence[object]", value)]
    return type(value).__name__


def count_bytes(*models: nn.Module) -> int:
    """About how many bytes the states of training of these models take: weights, and two moments of each."""
    return 3 * sum(value.nbytes for model in models for value in model.state_dict().values())


def _read_state(path: Path, device: torch.device, size: int = 0) -> dict[str, Any] | None:
    """What a file holds, none of it run; None where it is damaged or not a state."""
    try:
        check_plain_file(path, 2 * size + MAX_OVERHEAD if size else None)
        verify_checkpoint(path)
        with open_plain_file(path) as file, ZipFile(file) as archive:
            if any(member.compress_type != ZIP_STORED for member in archive.infolist()):
                return None  # torch compresses nothing, and kilobytes could unpack to gigabytes
        state: object = torch.load(path, map_location=device, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):  # there is nothing wrong with the file
        raise
    except Exception:  # a damaged archive fails in many ways
        return None
    return cast("dict[str, Any]", state) if isinstance(state, dict) else None


def _list_newest_first(folder: Path) -> list[Path]:
    return list_plain_folder(folder, "epoch-*-*.pt")[::-1]
