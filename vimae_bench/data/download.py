"""Original files downloaded from where they are published, and checked before anything reads them."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..core.errors import DataError

ORIGINALS_LINK = ".at-hand"
"""In the folder for downloads: a link to where the user puts originals that cannot be downloaded."""
TIMEOUT = 60
"""Seconds without a byte."""
CHUNK_SIZE = 1 << 20
T = TypeVar("T")


def fetch(url: str, path: Path, **sums: str) -> Path:
    """Download `url` (http, https or file) to `path`, in the folder for downloads, and return the path.

    A file of that name in `<data>/originals` is taken instead, and its path returned: it is the user's, to be read
    only. `sums` are hexadecimal digests by algorithm, such as sha256="...", and at least one; the file has to have them
    all. Raises DataError, naming the address, where it cannot be downloaded and where it is not the published file.
    """
    if not sums:
        raise ValueError(f"a download needs a known digest: give the sha256 of {path.name}")
    own = path.parent / ORIGINALS_LINK / path.name
    if own.exists():
        _check_digests(own.resolve(), sums, own.resolve().parent, "")
        return own
    originals = path.parent.joinpath(ORIGINALS_LINK).resolve()
    remedy = f"; put {path.name} into {originals} where it has to be fetched by hand"
    try:
        download_file(url, path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot be downloaded from {url} ({reason}){remedy}") from error
    _check_digests(path, sums, url, remedy)
    return path


def download_file(url: str, path: Path) -> None:
    """Download `url` (http, https or file) to `path`, with a progress bar where standard error is a terminal.

    Raises OSError or ValueError where it cannot be downloaded.
    """
    from pooch import HTTPDownloader
    from tqdm import tqdm

    if urlsplit(url).scheme == "file":
        shutil.copyfile(url2pathname(urlsplit(url).path), path)
        return
    # pooch sets the total, but ignores a bar without one. Bytes are to come as they are published: an archive must not
    # be unpacked on the way.
    with tqdm(desc=path.name, total=1, unit="B", unit_scale=True, file=sys.stderr, disable=None) as bar:
        headers = {"Accept-Encoding": "identity"}
        download = HTTPDownloader(progressbar=cast("Any", bar), chunk_size=CHUNK_SIZE, timeout=TIMEOUT, headers=headers)
        download(url, str(path), None)


def progress(iterable: Iterable[T], total: int, description: str) -> Iterator[T]:
    """The items of an iterable, with a progress bar where standard error is a terminal.

    `total` is how many there will be, or 0 where that is not known.
    """
    from tqdm import tqdm

    return iter(tqdm(iterable, desc=description, total=total or None, file=sys.stderr, disable=None))


def _check_digests(path: Path, sums: dict[str, str], origin: object, remedy: str) -> None:
    from pooch import file_hash

    for algorithm, expected in sums.items():
        if (found := file_hash(str(path), alg=algorithm)) != expected:
            reason = f"its {algorithm} is {found}, not {expected}"
            raise DataError(f"{path.name} from {origin} is not the published file: {reason}{remedy}")
