"""Original files fetched from where they are published, and checked before anything reads them."""

import hashlib
import shutil
import urllib.request
from http.client import HTTPException
from pathlib import Path

from .errors import DataError

PATIENCE = 60  # seconds without a byte


def fetch(url: str, path: Path, sha256: str) -> Path:
    """Download `url` (http, https or file) to `path`, whose bytes have to have this sha256; gives the path.

    Raises DataError, naming the address, where it cannot be had and where it is not the published file.
    """
    try:
        # The address is a constant of a plugin.
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer, path.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file, 1 << 20)
    except (OSError, ValueError, HTTPException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot be downloaded from {url} ({reason})") from error
    check_sha256(path, sha256, url)
    return path


def check_sha256(path: Path, sha256: str, origin: str) -> None:
    """Raises DataError for a file whose bytes are not the published ones; `origin` says where it is from."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DataError(f"{path.name} from {origin} is not the published file: its sha256 is {found}, not {sha256}")
