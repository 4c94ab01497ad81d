"""The folder of what is kept on a machine for later processes: the user's own, since what is in it is believed or run.

Whoever may write to it could have code run with the user's rights. Folders are made for the user alone, and one that
belongs to somebody else, or that others may write to, is not used.
"""

import os
import shlex
import stat
import tempfile
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "VIMAE_BENCH_CACHE"
"""Names another folder than the user's cache folder."""
SHARED_WRITE = stat.S_IWGRP | stat.S_IWOTH


class SharedFolderError(OSError):
    """A folder that belongs to another user, or that others may write to."""


def get_cache_folder() -> Path:
    """`$VIMAE_BENCH_CACHE`, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return expand_home(Path(named)) if named else get_user_folder()


def get_user_folder() -> Path:
    """The user's cache folder; among the temporary folders for a user without a home to write to, as in containers."""
    try:
        folder = Path(platformdirs.user_cache_dir("vimae-bench"))
    except RuntimeError:  # there is no home
        folder = Path()
    nearest = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if folder.is_absolute() and os.access(nearest, os.W_OK):
        return folder
    return Path(tempfile.gettempdir()) / f"vimae-bench-{os.getuid()}"


def expand_home(path: Path) -> Path:
    """The path with the user's home in place of a `~` at its start; as it is, where there is no home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # that of Path raises an error without a home


def make_own_folder(path: Path) -> Path:
    """Make a folder for its user alone, with those above it, if it is not there; gives the path.

    Raises SharedFolderError for one that others own or may write to, or that is a link to such a one.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    check_own_folder(path)
    return path


def make_cache_folder(path: Path) -> Path:
    """Make a folder in the cache folder as `make_own_folder` does; both have to be the user's own."""
    make_own_folder(get_cache_folder())
    return make_own_folder(path)


def check_own_folder(path: Path) -> None:
    """Raises SharedFolderError as `make_own_folder` does, and FileNotFoundError for a folder that is not there."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise SharedFolderError(f"{path} belongs to another user")
    if status.st_mode & SHARED_WRITE:
        raise SharedFolderError(f"{path}: others may write to it; `chmod go-w {shlex.quote(str(path))}` ends that")
