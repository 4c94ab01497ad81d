"""What is damaged in a results folder, found by reading every file of it, and put so that `run` makes it again.

Nothing is thrown away: a damaged file is renamed to `<name>.corrupt`. What a damaged file takes with it (the record of
weights that are no longer its own) is set aside as well, since its being there would say that all is well.
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from filelock import FileLock, Timeout

from ..core.canonical import Json
from ..core.errors import ResultsError
from ..core.results import Status
from ..core.spec import Run
from .atomic import atomic_write, compute_sha256, parse_json_object, read_json, write_json
from .latent_codes import read_latent_codes
from .metric_file import read_metric_file
from .run_folder import RunFolder, is_event
from .store import ResultsFolder, validate_record

PNG = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True)
class Fault:
    """A damaged file: what is wrong with it, what repairs it, and what is then to be said."""

    path: Path
    what: str
    repair: Callable[[], None]
    then: str


def find_faults(benchmark: Path) -> Iterator[Fault]:
    """The faults of one benchmark's results folder. Runs that some process is at are passed over."""
    yield from _readable(benchmark / "benchmark.json", lambda _: ResultsFolder(benchmark).read_benchmark())
    for path in sorted((benchmark / "references").glob("*.json")):
        yield from _readable(path, read_metric_file)
    for path in sorted((benchmark / "runs").iterdir() if (benchmark / "runs").is_dir() else ()):
        if path.is_symlink() or not path.is_dir():
            yield Fault(path, "is no folder of a run", lambda: None, "remove it")
            continue
        with _mine(RunFolder(path)) as mine:
            yield from _looked_at(RunFolder(path)) if mine else ()


def check_database(path: Path) -> Iterator[Fault]:
    """The fault of a SQLite file that MLflow keeps, if it has one."""
    if not path.exists():
        return
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as connection:
            (told,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        told = str(error)
    if told != "ok":
        yield _aside(path, f"is no whole database ({told})", then="`vimae-bench sync` fills a new one")


@contextlib.contextmanager
def _mine(folder: RunFolder) -> Generator[bool]:
    """Holds a run's lock, if no process is at the run; where nobody may write, nobody is."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(FileLock(folder.lock, timeout=0))
            mine = True
        except Timeout:
            mine = False
        except OSError:
            mine = True
        yield mine


def _looked_at(folder: RunFolder) -> Iterator[Fault]:
    try:
        yield from _run(folder)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        yield Fault(Path(error.filename or folder.path), what, lambda: None, "remove it, or make it readable")


def _run(folder: RunFolder) -> Iterator[Fault]:
    yield from _spec(folder)
    yield from _events(folder)
    yield from _record(folder)
    for path in sorted(folder.checkpoints.glob("epoch-*-*.pt")):
        if compute_sha256(path)[:16] != path.stem.rpartition("-")[2]:
            yield _aside(path, "does not have the sha256 in its name")
    for path in sorted((folder.path / "metrics").glob("*.json")):
        yield from _readable(path, read_metric_file)
    yield from _pictures(folder)
    for path in sorted(folder.path.rglob(".*.tmp")):
        yield Fault(path, "was left by a process that was killed", path.unlink, "removed")


def _spec(folder: RunFolder) -> Iterator[Fault]:
    """A spec that is damaged, or not there, is written again from the record, or by the next `run`."""
    try:
        spec = read_json(folder.spec) if folder.spec.exists() else None
        if spec is not None and _run_of(spec).name == folder.path.name:
            return
        what = "is the spec of another run" if spec else "is not there"
    except ResultsError as error:
        what = _without_path(error, folder.spec)
    yield Fault(folder.spec, what, lambda: _restore_spec(folder), "written again from the record, if there is one")


def _restore_spec(folder: RunFolder) -> None:
    if folder.spec.exists():
        _set_aside([folder.spec])
    try:
        run = _run_of(read_json(folder.record)["run"])
    except (ResultsError, KeyError):
        return
    if run.name == folder.path.name:
        write_json(folder.spec, run.as_json())


def _run_of(raw: Json) -> Run:
    """Raises ResultsError if it is none."""
    try:
        return Run.from_json(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"is not as `run` writes it ({error!r})") from error


def _events(folder: RunFolder) -> Iterator[Fault]:
    """Whole lines that are no events; a last line without its end is what a killed process leaves, and no fault."""
    if not folder.events.exists():
        return
    lines = folder.events.read_bytes().splitlines(keepends=True)
    sound = [line for line in lines if _is_event(line)]
    bad = len(lines) - len(sound) - bool(lines and not lines[-1].endswith(b"\n") and not _is_event(lines[-1]))
    if bad:
        what = f"{bad} of {len(lines)} lines are no events"
        yield Fault(folder.events, what, lambda: _keep_lines(folder.events, sound), "the others kept, all set aside")


def _keep_lines(path: Path, sound: Sequence[bytes]) -> None:
    text = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in sound)
    _set_aside([path])
    atomic_write(path, lambda temporary: temporary.write_bytes(text))


def _is_event(line: bytes) -> bool:
    value = parse_json_object(line)
    return value is not None and is_event(value)


def _record(folder: RunFolder) -> Iterator[Fault]:
    if not folder.record.exists():
        return
    try:
        record = read_json(folder.record)
        run = _run_of(record["run"])
        known = record["weights"]["sha256"] if record["status"] == "done" else None
        validate_record(folder.record, record)
    except (ResultsError, KeyError, TypeError) as error:
        yield _aside(folder.record, _without_path(error, folder.record))
        return
    if run.name != folder.path.name or record.get("key") != run.key or record["status"] not in get_args(Status):
        yield _aside(folder.record, "is not the record of this run")
    if known and folder.weights.exists() and compute_sha256(folder.weights) != known:
        what = "does not have the sha256 that the record gives"
        yield _aside(folder.weights, what, folder.record, then="set aside with the record, to be trained again")


def _pictures(folder: RunFolder) -> Iterator[Fault]:
    """One that is damaged, or gone, has all of them drawn again, if the weights are there to draw them from."""
    if not folder.pictures.exists():
        return
    again = folder.weights.exists()
    for path in sorted({*folder.pictures.glob("*.*"), *(_drawn(folder) if again else ())}):
        if what := _wrong_picture(path):
            yield _aside(path, what, *[folder.pictures] * again, then="set aside, and drawn again if there are weights")
            return


def _drawn(folder: RunFolder) -> list[Path]:
    """The pictures that there are of every model."""
    try:
        codes = ("codes.png", "codes.npz") if read_json(folder.spec).get("latent") == 2 else ()
    except ResultsError:
        codes = ()
    return [folder.pictures / name for name in ("reconstructions.png", "samples.png", *codes)]


def _wrong_picture(path: Path) -> str:
    if not path.exists():
        return "is not there"
    if path.suffix == ".npz":
        return next((fault.what for fault in _readable(path, read_latent_codes)), "")
    data = path.read_bytes()
    whole = path.suffix != ".png" or (data.startswith(PNG) and data.endswith(PNG_END))
    return "" if whole else "is no whole picture"


def _readable(path: Path, read: Callable[[Path], object]) -> Iterator[Fault]:
    try:
        read(path)
    except ResultsError as error:
        yield _aside(path, _without_path(error, path))


def _aside(path: Path, what: str, *others: Path, then: str = "set aside, to be made again") -> Fault:
    return Fault(path, what, lambda: _set_aside([path, *others]), then)


def _set_aside(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.exists():
            aside = path.with_suffix(".corrupt")
            if aside.is_dir():
                shutil.rmtree(aside)  # of an earlier repair
            path.replace(aside)


def _without_path(error: Exception, path: Path) -> str:
    """What is wrong, in words; the remedies for those without `doctor` are left out."""
    if not isinstance(error, ResultsError):
        return f"is not as `run` writes it ({error!r})"
    return str(error).removeprefix(f"{path}: ").partition("; remove ")[0]
