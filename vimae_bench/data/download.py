"""Original files fetched from where they are published, and checked before anything reads them."""

import hashlib
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

from ..core.errors import DataError

ORIGINALS_LINK = ".at-hand"
"""In the folder for downloads: a link to where the user puts originals that cannot be downloaded."""
PATIENCE = 60  # seconds without a byte
BLOCK = 1 << 20
T = TypeVar("T")


def fetch(url: str, path: Path, **sums: str) -> Path:
    """Download `url` (http, https or file) to `path`, in the folder for downloads, and give the path.

    A file of that name in `<data>/originals` is taken instead, and its path given: it is the user's, to be read only.
    `sums` are hexadecimal digests by algorithm, such as sha256="...", and at least one; the file has to have them all.
    Raises DataError, naming the address, where it cannot be had and where it is not the published file.
    """
    if not sums:
        raise ValueError(f"a file that nothing is known of cannot be trusted: give the sha256 of {path.name}")
    own = path.parent / ORIGINALS_LINK / path.name
    if own.exists():
        _check(own.resolve(), sums, own.resolve().parent, "")
        return own
    by_hand = (
        f"; put {path.name} into {path.parent.joinpath(ORIGINALS_LINK).resolve()} where it has to be fetched by hand"
    )
    _download(url, path, by_hand)
    _check(path, sums, url, by_hand)
    return path


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items as they come, counted in a line on standard error where that is a terminal: `celeba: 12,000 of ...`.

    `total` is how many there will be, or 0 where that is not known.
    """
    terminal, told, done = sys.stderr.isatty(), 0.0, 0
    of = f" of {total:,}" if total else ""
    for done, item in enumerate(items, start=1):
        yield item
        if terminal and time.monotonic() > told + 1:
            told = time.monotonic()
            print(f"\r{what}: {done:,}{of}", end="", file=sys.stderr, flush=True)
    if terminal:
        print(f"\r{what}: {done:,}{of}", file=sys.stderr, flush=True)


def _download(url: str, path: Path, by_hand: str) -> None:
    try:
        # The address is a constant of a plugin.
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer, path.open("wb") as file:  # noqa: S310
            size = int(answer.headers.get("Content-Length") or 0)
            blocks = iter(lambda: answer.read(BLOCK), b"")
            for block in progress(blocks, -(-size // BLOCK), f"{path.name}, MiB"):
                file.write(block)
    except (OSError, ValueError, HTTPException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot be downloaded from {url} ({reason}){by_hand}") from error


def _check(path: Path, sums: dict[str, str], origin: object, remedy: str) -> None:
    for algorithm, expected in sums.items():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        if found != expected:
            says = f"its {algorithm} is {found}, not {expected}"
            raise DataError(f"{path.name} from {origin} is not the published file: {says}{remedy}")
