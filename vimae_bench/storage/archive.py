"""Results packed into one zip file, read in place: a path into the archive stands for the path of a file on disk.

The archive `NAME.zip` takes the place of the results folder `NAME`. It holds the files that results are read from,
and neither weights nor checkpoints nor logs. An archive is not trusted: its names, kinds, numbers and sizes are
checked before anything is read of it, and each file again when it is read.
"""

import contextlib
import errno
import io
import os
import re
import secrets
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from ..core.errors import ResultsError, shorten_text
from .atomic import atomic_write
from .plain_files import (
    PackedPath,
    check_plain_file,
    get_size_limit,
    is_there,
    list_plain_folder,
    make_folder_of,
    read_plain_file,
)

SUFFIX = ".zip"
PACKED = re.compile(
    r"benchmark\.json|references/[^/]+\.json"
    r"|runs/[^/]+/(spec\.json|record\.json|events\.jsonl|metrics/[^/]+\.json|pictures/([^/]+\.(png|npz)|left-out\.json))"
)
"""The files of a results folder that are packed. An archive with any other is refused."""
MAX_FILES = 100_000
MAX_DIRECTORY = 16 * 2**20
"""Bytes of the list of files at the archive's end."""
MAX_FILE, MAX_TOTAL = 2**28, 2**33
"""Bytes of one file and of all of them."""
MAX_RATIO, SMALL = 200, 2**16
"""How many times as large as when packed a file may be, if it is larger than so many bytes."""
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive, so that equal results give equal bytes; the earliest that the format has."""
BENCHMARK = "benchmark.json"
ENCRYPTED = 0x41  # by either of the two ways that the format has
LOCAL_HEADER = struct.Struct("<4s22xHH")
READ_ERRORS = (OSError, ValueError, struct.error, zlib.error)
"""What a damaged archive causes when a file in it is read."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchivePath(PackedPath):
    """A path into an archive, such as `results/fig1.zip/runs/NAME/record.json`, to be read as any other path is.

    Nothing can be written below it: the system refuses, as the archive is a file. Reading raises ResultsError where
    the archive is damaged.
    """

    __slots__ = ()

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        return self.is_file() or self.is_dir()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        archive, name = self._split_path()
        return name in archive.files

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        archive, name = self._split_path()
        return name in archive.folders

    def iterdir(self) -> "Generator[ArchivePath]":
        archive, name = self._split_path()
        if name not in archive.folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        yield from (self / child for child in archive.folders[name])

    def glob(self, pattern: str) -> "Iterator[ArchivePath]":  # pyright: ignore[reportIncompatibleMethodOverride]
        """What lies here and has a name of this pattern; a pattern of several parts is not supported."""
        return (path for path in (self.iterdir() if self.is_dir() else ()) if fnmatchcase(path.name, pattern))

    def rglob(self, pattern: str) -> "Iterator[ArchivePath]":  # pyright: ignore[reportIncompatibleMethodOverride]
        """The same at any depth."""
        yield from self.glob(pattern)
        for path in self.iterdir() if self.is_dir() else ():
            yield from path.rglob(pattern)

    def open(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        mode: str = "r",
        buffering: int = -1,  # noqa: ARG002
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """A file in memory, to be read. Raises OSError for what is no file, or to be written."""
        if set(mode) - set("rbt"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))
        data = io.BytesIO(self.read_bytes())
        return data if "b" in mode else io.TextIOWrapper(data, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        archive, name = self._split_path()
        if name in archive.files and archive.files[name].file_size > (limit := get_size_limit(name)):
            raise ResultsError(f"{self}: has more than {limit:,} bytes, the most that files of its kind have")
        if name not in archive.files:
            code = errno.EISDIR if name in archive.folders else errno.ENOENT
            raise OSError(code, os.strerror(code), str(self))  # of the class that belongs to the code
        return archive.read(name)

    def read_files(self, names: Iterable[str]) -> dict[str, bytes]:
        archive, folder = self._split_path()
        found = dict[str, bytes]()
        with contextlib.suppress(OSError), open(archive.path, "rb", buffering=0) as opened:  # noqa: PTH123
            for name in names:
                file = archive.files.get(f"{folder}/{name}")
                if file and file.file_size <= get_size_limit(file.filename):
                    with contextlib.suppress(*READ_ERRORS):
                        found[name] = _read_file(opened, file)
        return found

    @property
    def archive(self) -> Path:
        """The archive itself."""
        return Path(self._split_path()[0].path)

    @property
    def names(self) -> "Iterable[str]":
        """The names of all files in the archive."""
        return self._split_path()[0].files

    def _split_path(self) -> "tuple[_Archive, str]":
        """The archive, and a name in it. Raises FileNotFoundError where the archive is gone."""
        text = str(self)
        for end in (match.end() for match in re.finditer(r"\.zip(?=/|$)", text)):
            with contextlib.suppress(OSError):
                status = Path(text[:end]).stat()
                if stat.S_ISREG(status.st_mode):
                    return _read_archive(text[:end], status.st_mtime_ns, status.st_size), text[end + 1 :]
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), text)


@dataclass(frozen=True)
class _Archive:
    """The files of an archive by name, and the names in each of its folders."""

    path: str
    files: Mapping[str, zipfile.ZipInfo]
    folders: Mapping[str, Sequence[str]]

    def read(self, name: str) -> bytes:
        """Read a file. Raises ResultsError if it is not of the size and the CRC-32 that the archive gives."""
        try:
            with open(self.path, "rb", buffering=0) as opened:  # noqa: PTH123
                data = _read_file(opened, self.files[name])
        except READ_ERRORS as error:
            raise ResultsError(f"{self.path}: is damaged: {name} cannot be read ({error})") from error
        return data


def find_results(path: Path) -> Path:
    """Where to read the results at `path`: the folder itself, or the archive that takes its place.

    An archive may be named, and `NAME.zip` takes the place of a folder `NAME` that is missing or has no results.
    Raises ResultsError for an archive that is damaged or not safe to read.
    """
    archive = path if path.suffix == SUFFIX else Path(f"{path}{SUFFIX}")
    if _holds_results(path) or not archive.is_file():
        return path
    found = ArchivePath(archive)
    found.exists()
    return found


def pack_results(folder: Path, say: Callable[[str], object] = lambda _: None) -> Path:
    """Pack a results folder into the archive next to it, and return its path. Equal results give equal bytes.

    A file that is a link, or anything else that cannot be read, is left out, and `say` gets a line on it. Raises
    ResultsError if the folder has no results, or more than an archive may have.
    """
    if not _holds_results(folder):
        raise ResultsError(f"{folder}: is not a results folder: it has no benchmark.json")
    names = sorted(_list_names_to_pack(folder, say))
    target = Path(f"{folder}{SUFFIX}")

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name in names:
                info = zipfile.ZipInfo(name, DATE)
                info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o644) << 16
                archive.writestr(info, read_plain_file(folder / name), zipfile.ZIP_DEFLATED, compresslevel=9)
        with zipfile.ZipFile(temporary) as archive:
            _check_files(target, archive.infolist(), temporary.stat().st_size)

    atomic_write(target, write)
    return target


def unpack_results(path: Path, say: Callable[[str], object]) -> Path:
    """The results folder at `path`, to write to; an archive that takes its place is unpacked, and `say` gets a line.

    benchmark.json comes last, so that the archive is still read if this is interrupted. Raises ResultsError as
    `find_results` does, and for an archive that is named while its folder has results.
    """
    found = find_results(path)
    if not isinstance(found, ArchivePath):
        return found
    folder = Path(found.with_suffix(""))
    if _holds_results(folder):
        raise ResultsError(f"{found}: cannot be unpacked, since {folder} has results; name that instead")
    last = folder / BENCHMARK
    for name in sorted(found.names):
        if not is_there(target := folder / name) and target != last:
            make_folder_of(target)
            temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")  # others may unpack it too
            temporary.write_bytes((found / name).read_bytes())
            temporary.replace(target)
    os.sync()  # once for all files, of which there are thousands
    data = (found / BENCHMARK).read_bytes()
    atomic_write(last, lambda temporary: temporary.write_bytes(data))
    say(f"{found}: unpacked to {folder}, which is used from now on")
    return folder


def real_path(path: Path) -> Path:
    """The file on disk that holds a path: the archive, for a path into one."""
    return path.archive if isinstance(path, ArchivePath) else path


def _holds_results(folder: Path) -> bool:
    """Whether a folder has results; a damaged benchmark.json may be set aside as benchmark.corrupt."""
    return any(is_there(folder / name) for name in ("benchmark.json", "benchmark.corrupt"))


def _list_names_to_pack(folder: Path, say: Callable[[str], object]) -> Iterator[str]:
    for path in _list_files_to_pack(folder):
        if _is_packed(name := path.relative_to(folder).as_posix()):
            try:
                check_plain_file(path)
            except (OSError, ResultsError) as error:
                say(f"left out: {error}")
            else:
                yield name


def _list_files_to_pack(folder: Path) -> Iterator[Path]:
    """What may be packed: in the folder itself, in `references`, in the folders of runs and those in them."""
    runs = list_plain_folder(folder / "runs")
    places = (folder / "references", *runs, *(run / name for run in runs for name in ("metrics", "pictures")))
    yield folder / BENCHMARK
    for place in places:
        yield from (path for path in list_plain_folder(place) if path.is_symlink() or not path.is_dir())


def _is_packed(name: str) -> bool:
    parts = name.split("/")
    return bool(PACKED.fullmatch(name)) and name.isprintable() and not {".", ".."} & {*parts}


@lru_cache(maxsize=16)
def _read_archive(path: str, modified: int, size: int) -> _Archive:  # noqa: ARG001
    """What an archive holds, read once, and again if the file has changed. Raises ResultsError if it is not safe."""
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:  # pyright: ignore
            files = archive.infolist()
    except MemoryError:
        raise
    except Exception as error:  # a damaged archive fails in many ways
        raise ResultsError(f"{path}: is not an archive of results, or damaged ({error})") from error
    _check_files(path, files, size)
    folders: dict[str, dict[str, None]] = {"": {}}
    for name in sorted(file.filename for file in files):
        parts = name.split("/")
        for depth, part in enumerate(parts):
            folders.setdefault("/".join(parts[:depth]), {})[part] = None
    names = {name: [*children] for name, children in folders.items()}
    return _Archive(path, {file.filename: file for file in files}, names)


class _BoundedFile(io.FileIO):
    """A file that refuses to be read in larger pieces than an archive's list of files may be."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise ValueError("its list of files is too long")
        return super().read(size)


def _check_files(path: str | Path, files: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raises ResultsError if an archive of so many bytes may not hold these files."""
    seen = set[str]()
    if len(files) > MAX_FILES:
        raise ResultsError(f"{path}: holds {len(files):,} files; an archive of results may hold {MAX_FILES:,}")
    for file in files:
        if problem := _find_problem(file, seen):
            raise ResultsError(f"{path}: is not safe to read: {shorten_text(file.orig_filename)} {problem}")
        seen.add(file.filename)
    if sum(file.file_size for file in files) > MAX_TOTAL:
        raise ResultsError(f"{path}: is not safe to read: its files take more than {MAX_TOTAL >> 30} GiB")
    if sum(file.compress_size for file in files) > size:
        raise ResultsError(f"{path}: is not safe to read: its files overlap")
    if BENCHMARK not in seen:
        raise ResultsError(f"{path}: is not an archive of results: it has no {BENCHMARK}")


def _find_problem(file: zipfile.ZipInfo, seen: Set[str]) -> str:
    """Why a file may not be in an archive; empty if it may."""
    if not _is_packed(file.orig_filename):
        return "is not a file of a results folder"
    if file.filename in seen:
        return "is in it twice"
    if (kind := stat.S_IFMT(file.external_attr >> 16)) not in (0, stat.S_IFREG):
        return "is a link" if kind == stat.S_IFLNK else "is not a regular file"
    if file.flag_bits & ENCRYPTED:
        return "is encrypted"
    if file.compress_type not in METHODS:
        return f"is compressed by a method other than deflate ({file.compress_type})"
    if file.file_size > MAX_FILE or file.file_size > max(SMALL, MAX_RATIO * file.compress_size):
        return f"would take {file.file_size:,} bytes, unpacked from {file.compress_size:,}"
    return ""


def _read_file(archive: io.FileIO, file: zipfile.ZipInfo) -> bytes:
    """The bytes of a file; never more than the archive says. Raises ValueError if they are not what it says."""
    archive.seek(file.header_offset)
    signature, name_length, extra_length = LOCAL_HEADER.unpack(archive.read(LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise ValueError("there is no file where the list says")
    archive.seek(name_length + extra_length, os.SEEK_CUR)
    data = archive.read(file.compress_size)
    if file.compress_type == zipfile.ZIP_DEFLATED:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, file.file_size + 1)
    if len(data) != file.file_size or zlib.crc32(data) != file.CRC:
        raise ValueError("its size or CRC-32 is wrong")
    return data
