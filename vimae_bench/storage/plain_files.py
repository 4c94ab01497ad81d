"""The one way to files of a results folder, which somebody else may have made.

Read and written are only regular files of bounded size in real folders: no links, pipes or devices at any level below
the results folder. The folder itself may be reached through a link, since its user chose that.
"""

import errno
import io
import os
import re
import secrets
import shutil
import stat
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path, PosixPath

from ..core.errors import ResultsError

GIB, MIB = 2**30, 2**20
SIZE_LIMITS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), limit)
    for pattern, limit in (
        (r"spec\.json|\.mlflow\.json|left-out\.json", MIB),
        (r"record\.json", 4 * MIB),
        (r"(metrics|references)/[^/]+\.json", 16 * MIB),
        (r"events\.jsonl|benchmark\.json", 64 * MIB),
        (r"pictures/[^/]+\.png", 32 * MIB),
        (r"[^/]+\.npz", 16 * MIB),
        (r"[^/]+\.html", 256 * MIB),
        (r"weights\.safetensors|[^/]+\.pt", 4 * GIB),
    )
)
"""The most bytes that a file of each kind may have, many times those of any run; by the end of its path."""
OTHER_LIMIT = 64 * MIB
RUN_FOLDERS = ("runs", "set-aside")
"""The folders of a results folder that hold folders of runs."""
PARTS_OF_RUNS = ("checkpoints", "checkpoints-of-seeds", "metrics", "pictures", ".pictures.unfinished")
"""The folders in the folder of a run."""
FILES_OF_RUNS = re.compile(
    r"\.?(spec\.json|record\.json|events\.jsonl|weights\.safetensors|log\.txt|\.mlflow\.json)(\.[0-9a-f]+\.tmp)?|(\.mlflow)?\.lock"
)
"""The files in the folder of a run."""
FOLDERS = (*RUN_FOLDERS, *PARTS_OF_RUNS, "references")
"""What has to be a folder, wherever it is below a results folder."""
TOP_FILES = re.compile(r"benchmark\.json|report\.html|(leaderboard|codes)[^/]*\.(png|md)")
"""The files of a results folder itself, apart from what its user puts there."""
FILE_SUFFIXES = (".json", ".jsonl", ".safetensors", ".pt", ".png", ".npz", ".txt", ".lock", ".html", ".md", ".tmp")
"""What has to be a file."""
NEVER_READ = (".tmp", ".lock", ".txt")
"""Files of which only the names matter, or which are for people: they may have any size."""
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFREG: "a file",
}
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
APPEND_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_kept = Counter[str]()
"""The folders that are not to be made again, and by how many blocks."""


class PackedPath(PosixPath):
    """A path into an archive, which bounds sizes itself and has neither links nor pipes."""

    __slots__ = ()

    def read_files(self, names: Iterable[str]) -> dict[str, bytes]:
        """The bytes of files in this folder by their names. A file that cannot be read is left out."""
        raise NotImplementedError


def get_size_limit(path: Path | str) -> int:
    """The most bytes that the file may have."""
    return _find_size_limit("/".join(str(path).rsplit("/", 2)[-2:]))


@lru_cache(maxsize=4096)
def _find_size_limit(tail: str) -> int:
    name = tail.rpartition("/")[2]
    for pattern, limit in SIZE_LIMITS:
        if pattern.fullmatch(tail) or pattern.fullmatch(name):
            return limit
    return OTHER_LIMIT


def open_plain_file(path: Path, limit: int | None = None) -> io.BufferedReader | io.BytesIO:
    """Open a file to be read; `limit` is the most bytes that it may have, by default those of its kind.

    Raises ResultsError for what is not a regular file, or larger, and OSError where there is nothing to be opened.
    """
    if isinstance(path, PackedPath):
        return io.BytesIO(path.read_bytes())
    return os.fdopen(_open_to_read(path, limit), "rb")


def read_plain_file(path: Path) -> bytes:
    """The bytes of a file. Raises what `open_plain_file` raises."""
    if isinstance(path, PackedPath):
        return path.read_bytes()
    with io.FileIO(_open_to_read(path)) as file:  # thousands are read, and a buffer takes as long as a small file
        return file.readall()


def read_plain_files(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of files in the folder of a run, such as `metrics/rate-1f2e3d4c.json`, by these names.

    It is as strict as `read_plain_file`, and takes a fraction of its time: each folder is opened once, from within the
    one above it. A file that cannot be read is left out, for `read_plain_file` to say why.
    """
    found = dict[str, bytes]()
    if isinstance(folder, PackedPath):
        return folder.read_files(names)
    with suppress(OSError), ExitStack() as opened:
        above = _open_folder(str(folder.parent), None, opened)
        handles = {"": _open_folder(folder.name, above, opened)}
        for name in names:
            part, _, file = name.rpartition("/")
            with suppress(OSError):
                if part not in handles:
                    handles[part] = _open_folder(part, handles[""], opened)
                if (data := _read_within(handles[part], file, _find_size_limit(name))) is not None:
                    found[name] = data
    return found


def _open_folder(name: str, above: int | None, opened: ExitStack) -> int:
    handle = os.open(name, FOLDER_FLAGS, dir_fd=above)
    opened.callback(os.close, handle)
    return handle


def _read_within(folder: int, name: str, limit: int) -> bytes | None:
    """The bytes of a file in an open folder; None for what is not a regular file, or larger, or being written to."""
    if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
        return None  # to open a device may already have an effect
    handle = os.open(name, READ_FLAGS, dir_fd=folder)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        data = os.read(handle, status.st_size + 1)
        return data if len(data) == status.st_size else None
    finally:
        os.close(handle)


def check_plain_file(path: Path, limit: int | None = None) -> None:
    """Raises what `open_plain_file` raises, for libraries that open files by their names."""
    if not isinstance(path, PackedPath):
        os.close(_open_to_read(path, limit))


def open_for_appending(path: Path) -> int:
    """A descriptor of a file to append to, which can be read as well; the file is made where it is not there.

    A file with several names is replaced by a copy first, so that nothing is written to the others. Raises ResultsError
    for what is not a regular file.
    """
    check_folders(path)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        pass
    else:
        _check_kind(path, status, stat.S_IFREG)
        if status.st_nlink > 1:
            _replace_by_copy(path)
    return _open_checked(path, APPEND_FLAGS)


def make_folder_of(path: Path) -> None:
    """Make the folder that a file is to be in.

    Raises ResultsError for a link below the results folder, and where the folder of a run in progress, or that of its
    results, was moved or removed meanwhile.
    """
    root, inner = split_path(path)
    for place in (root, "/".join((root, *inner[:2]))):
        if place in _kept:
            check_still_there(Path(place))
    Path(root).mkdir(parents=True, exist_ok=True)
    place = root
    for name in inner[:-1]:
        place = f"{place}/{name}"
        try:
            Path(place).mkdir()
        except FileExistsError:
            _check_kind(place, os.lstat(place), stat.S_IFDIR)


def list_plain_folder(path: Path, pattern: str = "*") -> list[Path]:
    """What is in a folder below a results folder under names of this pattern, sorted.

    Nothing where the folder is missing or no real one.
    """
    if not isinstance(path, PackedPath):
        try:
            check_folders(path / "spec.json")
        except ResultsError:
            return []
        if path.is_symlink():
            return []
    return sorted(path.glob(pattern)) if path.is_dir() else []


def is_there(path: Path) -> bool:
    """Whether there is something at a path, be it a link that leads nowhere, or a link above it."""
    if isinstance(path, PackedPath):
        return path.exists()
    if os.path.lexists(path):
        return True
    try:
        check_folders(path)
    except ResultsError:
        return True
    return False


def check_folders(path: Path) -> None:
    """Raises ResultsError if a folder between the results folder and a file in it is no real folder."""
    place, inner = split_path(path)
    for name in inner[:-1]:
        place = f"{place}/{name}"
        try:
            status = os.lstat(place)
        except OSError:
            return  # what is not there is no link
        _check_kind(place, status, stat.S_IFDIR)


@contextmanager
def keep_in_place(*folders: Path) -> Generator[None]:
    """In this block `make_folder_of` does not make these folders again, of a run or of all results.

    They may be moved or removed while runs are in progress, and halves of these would be written in their place.
    """
    places = [str(folder) for folder in folders]
    _kept.update(places)
    try:
        yield
    finally:
        _kept.subtract(places)
        for place in places:
            if not _kept[place]:
                del _kept[place]


def check_still_there(folder: Path) -> None:
    """Raises ResultsError if a results folder that was there is not any more."""
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
    if not is_folder:
        remedy = "give the command again, with --results if it was moved"
        raise ResultsError(f"{folder}: was moved or removed, and nothing more is written there; {remedy}")


def check_folder(path: Path) -> None:
    """Raises ResultsError if something is at a path that is no real folder."""
    if os.path.lexists(path):
        _check_kind(path, os.lstat(path), stat.S_IFDIR)


def check_in_place(path: str) -> None:
    """Raises ResultsError if something else is in the place of a file or folder whose folder was looked at before."""
    try:
        status = os.lstat(path)
    except OSError:
        return  # there is nothing
    _check_kind(path, status, stat.S_IFDIR if path.rpartition("/")[2] in FOLDERS else stat.S_IFREG)
    if stat.S_ISREG(status.st_mode):
        _check_size(path, status, get_size_limit(path))


def list_misplaced(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each thing in a real folder whose kind or size is not that of what belongs there, and what is wrong with it."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if not entry.name.endswith(".corrupt"):
            with suppress(FileNotFoundError):  # its owner has removed it since
                if what := _describe_misplaced(entry):
                    yield Path(entry.path), what


def list_misplaced_at_top(folder: Path) -> Iterator[tuple[Path, str]]:
    """The same for a results folder itself, and for its baselines."""
    for path, what in list_misplaced(folder):
        if path.name in FOLDERS or TOP_FILES.fullmatch(path.name):
            yield path, what
    if not (baselines := folder / "references").is_symlink():
        yield from list_misplaced(baselines)


def list_misplaced_in_run(folder: Path) -> Iterator[tuple[Path, str]]:
    """The same for the folder of a run and the folders in it."""
    yield from list_misplaced(folder)
    for name in PARTS_OF_RUNS:
        if not (part := folder / name).is_symlink():
            yield from list_misplaced(part)


def split_path(path: Path | str) -> tuple[str, list[str]]:
    """The results folder that a path leads into, and the rest of the path.

    Of a path that is not known to be in one, the folder is the one above it.
    """
    above, _, name = str(path).rpartition("/")
    above = above or ("." if not str(path).startswith("/") else "/")
    names, inner = above.split("/"), [name]
    if names[-1] == "references":
        inner.insert(0, names.pop())
    else:
        if names[-1] in PARTS_OF_RUNS:
            inner.insert(0, names.pop())
        # Results may themselves be in a folder called `runs`: only what runs alone have is in one.
        if len(names) > 1 and names[-2] in RUN_FOLDERS and (len(inner) > 1 or FILES_OF_RUNS.fullmatch(name)):
            inner[:0] = names[-2:]
            del names[-2:]
    root = "/".join(names)
    return root or ("/" if str(path).startswith("/") else "."), inner


def _open_to_read(path: Path, limit: int | None = None) -> int:
    check_folders(path)
    _check_kind(path, os.lstat(path), stat.S_IFREG)  # to open a device may already have an effect
    return _open_checked(path, READ_FLAGS, get_size_limit(path) if limit is None else limit)


def _open_checked(path: Path, flags: int, limit: int | None = None) -> int:
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # made since it was looked at
            raise ResultsError(f"{path}: is not a regular file; remove it and run again") from error
        raise
    try:
        status = os.fstat(handle)
        _check_kind(path, status, stat.S_IFREG)
        if limit is not None:
            _check_size(path, status, limit)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _check_size(path: Path | str, status: os.stat_result, limit: int) -> None:
    if status.st_size > limit:
        raise ResultsError(f"{path}: {_describe_size(status.st_size, limit)}; remove it and run again")


def _check_kind(path: Path | str, status: os.stat_result, kind: int) -> None:
    if stat.S_IFMT(status.st_mode) != kind:
        what = _describe_kind(status.st_mode, "folder" if kind == stat.S_IFDIR else "regular file")
        raise ResultsError(f"{path}: {what}; remove it and run again")


def _describe_misplaced(entry: os.DirEntry[str]) -> str:
    """What is wrong with the kind or size of something in a folder; empty if nothing is."""
    is_folder_expected = entry.name in FOLDERS
    is_file_expected = not is_folder_expected and entry.name.endswith(FILE_SUFFIXES)
    status = entry.stat(follow_symlinks=False)
    is_folder, is_file = stat.S_ISDIR(status.st_mode), stat.S_ISREG(status.st_mode)
    if (is_folder and is_file_expected) or (is_file and is_folder_expected) or not (is_folder or is_file):
        return _describe_kind(status.st_mode, "folder" if is_folder_expected else "regular file")
    limit = get_size_limit(entry.path)
    is_too_large = is_file and not entry.name.endswith(NEVER_READ) and status.st_size > limit
    return _describe_size(status.st_size, limit) if is_too_large else ""


def _describe_kind(mode: int, expected: str) -> str:
    return f"is {KINDS.get(stat.S_IFMT(mode), 'of an unknown kind')} in place of a {expected}"


def _describe_size(size: int, limit: int) -> str:
    return f"has {size:,} bytes, and files of its kind have at most {limit:,}"


def _replace_by_copy(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open_plain_file(path) as file, temporary.open("xb") as copy:
            shutil.copyfileobj(file, copy)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
