"""What is damaged in a results folder, found by reading every file in it, and repaired so that `run` makes it again.

Nothing is deleted: a damaged file is renamed to `<name>.corrupt`. What depends on a damaged file (the record of weights
that are not its own any more) is set aside as well, since its presence would say that all is well.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import Timeout

from ..core.errors import ResultsError
from .archive import BENCHMARK
from .atomic import atomic_write, list_temporary_files, parse_json_object, read_json, write_json
from .locks import make_lock
from .metric_file import describe_other_origin, read_metric_file
from .picture_files import read_picture
from .plain_files import (
    PackedPath,
    check_plain_file,
    is_there,
    list_misplaced_at_top,
    list_misplaced_in_run,
    list_plain_folder,
    read_plain_file,
)
from .png_files import check_png_size
from .run_folder import RunFolder, is_event
from .store import ResultsFolder
from .verify import (
    parse_run,
    read_record,
    read_spec,
    set_aside,
    verify_checkpoint,
    verify_picture,
    verify_weights,
)

VerifyState = Callable[[RunFolder, Path], None]
JOURNALS = ("-journal", "-wal", "-shm")
"""What SQLite appends to the name of a database for the files that it keeps next to it."""
SYNC_SECONDS = 30
"""How long a repair waits for a run to be sent to MLflow."""
MAX_DATABASE = 2**34
"""Bytes of MLflow's database."""


@dataclass(frozen=True)
class Fault:
    """A damaged file: what is wrong with it, what repairs it, and what to say then."""

    path: Path
    what: str
    repair: Callable[[], None]
    then: str


def find_faults(benchmark: Path, verify_state: VerifyState | None = None) -> Iterator[Fault]:
    """The faults of one benchmark's results folder or archive. Runs that some process is working on are skipped.

    `verify_state` raises ResultsError for a checkpoint that is intact and that its run cannot go on from.
    """
    yield from _check_file(benchmark / "benchmark.json", lambda _: ResultsFolder(benchmark).read_benchmark())
    if not isinstance(benchmark, PackedPath):
        yield from _find_misplaced(pair for pair in list_misplaced_at_top(benchmark) if pair[0].name != BENCHMARK)
    for path in list_plain_folder(benchmark / "references", "*.json"):
        yield from _check_file(path, read_metric_file)
    for path in list_plain_folder(benchmark / "runs"):
        if path.name.endswith(".corrupt"):
            continue
        if path.is_symlink() or not path.is_dir():
            yield Fault(path, "is not the folder of a run", lambda: None, "remove it")
            continue
        with _claim_run(RunFolder(path)) as is_free:
            yield from _find_run_faults(RunFolder(path), verify_state) if is_free else ()


def _find_misplaced(found: Iterable[tuple[Path, str]]) -> Iterator[Fault]:
    """Links, pipes and the like: renamed, so that nothing that they lead to is touched."""
    return (_set_aside_fault(path, what) for path, what in found)


def check_database(path: Path) -> Iterator[Fault]:
    """The fault of a SQLite file that MLflow keeps, if it has one."""
    if not os.path.lexists(path):
        return
    for file in (path, *(path.with_name(f"{path.name}{end}") for end in JOURNALS)):
        try:
            if os.path.lexists(file):
                check_plain_file(file, MAX_DATABASE)
        except ResultsError as error:
            yield _set_aside_fault(file, _describe_error(error, file), then="`vimae-bench sync` fills a new one")
            return
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as connection:
            (answer,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return  # MLflow, or `sync`, is writing to it
        answer = str(error)
    if answer != "ok":
        yield _set_aside_fault(path, f"is a damaged database ({answer})", then="`vimae-bench sync` fills a new one")


@contextlib.contextmanager
def _claim_run(folder: RunFolder) -> Generator[bool]:
    """Hold a run's lock, if no process is working on the run; where nobody may write, nobody is."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(make_lock(folder.lock, 0))
            is_free = True
        except Timeout:
            is_free = False
        except (OSError, ResultsError):
            is_free = True
        yield is_free


def _find_run_faults(folder: RunFolder, verify_state: VerifyState | None) -> Iterator[Fault]:
    misplaced = {} if isinstance(folder.path, PackedPath) else dict(list_misplaced_in_run(folder.path))
    try:
        for fault in _check_run(folder, verify_state):
            misplaced.pop(fault.path, None)
            yield fault
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        yield Fault(Path(error.filename or folder.path), what, lambda: None, "remove it, or make it readable")
    yield from _find_misplaced(misplaced.items())


def _check_run(folder: RunFolder, verify_state: VerifyState | None) -> Iterator[Fault]:
    yield from _check_spec(folder)
    yield from _check_events(folder)
    yield from _check_record(folder)
    for path in list_plain_folder(folder.checkpoints_of_seeds, "epoch-*-*.pt"):
        yield from _check_file(path, verify_checkpoint)
    for path in list_plain_folder(folder.checkpoints, "epoch-*-*.pt"):
        damage = [*_check_file(path, verify_checkpoint)]
        yield from damage or (_check_file(path, partial(verify_state, folder)) if verify_state else ())
    for path in list_plain_folder(folder.path / "metrics", "*.json"):
        yield from _check_file(path, lambda path: _check_metric(path, folder))
    yield from _check_pictures(folder)
    for path in list_temporary_files(folder.path):
        yield Fault(path, "was left by a process that was killed", path.unlink, "removed")


def _check_spec(folder: RunFolder) -> Iterator[Fault]:
    """A spec that is damaged, or not there, is written again from the record, or by the next `run`."""
    try:
        run = read_spec(folder.spec) if is_there(folder.spec) else None
        if run and run.name == folder.path.name:
            return
        what = "is the spec of another run" if run else "is not there"
    except ResultsError as error:
        what = _describe_error(error, folder.spec)
    yield Fault(folder.spec, what, lambda: _restore_spec(folder), "written again from the record, if there is one")


def _restore_spec(folder: RunFolder) -> None:
    set_aside(folder.spec)
    try:
        run = parse_run(folder.record, read_json(folder.record).get("run"))
    except ResultsError:
        return
    if run.name == folder.path.name:
        write_json(folder.spec, run.as_json())


def _check_events(folder: RunFolder) -> Iterator[Fault]:
    """Complete lines that are not events; a last line without an end is left by a killed process, and no fault."""
    try:
        lines = read_plain_file(folder.events).splitlines(keepends=True)
    except FileNotFoundError:
        return
    except ResultsError as error:
        yield _set_aside_fault(folder.events, _describe_error(error, folder.events))
        return
    good = [line for line in lines if _is_event(line)]
    bad = len(lines) - len(good) - bool(lines and not lines[-1].endswith(b"\n") and not _is_event(lines[-1]))
    if bad:
        what = f"{bad} of {len(lines)} lines are not events"
        yield Fault(folder.events, what, lambda: _keep_lines(folder, good), "set aside, the other lines kept")


def _keep_lines(folder: RunFolder, lines: Sequence[bytes]) -> None:
    """Write the events again without the others; a copy in MLflow starts from the first of them, and has each once."""
    text = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)
    try:
        with make_lock(folder.sync_lock, SYNC_SECONDS):
            set_aside(folder.events)
            atomic_write(folder.events, lambda temporary: temporary.write_bytes(text))
            folder.sync_state.unlink(missing_ok=True)  # which counts bytes of the events
    except Timeout as error:
        raise ResultsError(f"{folder.path}: is being sent to MLflow; try again when that is over") from error


def _is_event(line: bytes) -> bool:
    value = parse_json_object(line)
    return value is not None and is_event(value)


def _check_record(folder: RunFolder) -> Iterator[Fault]:
    if not folder.record.exists():
        return
    try:
        run = parse_run(folder.record, read_json(folder.record).get("run"))
        record = read_record(folder.record, run)
        if run.name != folder.path.name:
            raise ResultsError(f"{folder.record}: is not the record of this run")
    except ResultsError as error:
        yield _set_aside_fault(folder.record, _describe_error(error, folder.record))
        return
    if record["status"] == "done" and folder.weights.exists():
        then = "set aside with the record, to be trained again"
        yield from _check_file(folder.weights, lambda path: verify_weights(path, record), folder.record, then=then)


def _check_metric(path: Path, folder: RunFolder) -> None:
    """Raises ResultsError for a metric's file that is damaged, or of other data than its run."""
    made_from = read_metric_file(path).made_from
    try:
        record = folder.read_record()
    except ResultsError:  # which is said of the record
        return
    if other := describe_other_origin(made_from, record):
        raise ResultsError(f"{path}: {other}")


def _check_pictures(folder: RunFolder) -> Iterator[Fault]:
    """If one is damaged or missing all of them are drawn again, if the weights are there to draw them from."""
    if not folder.pictures.exists():
        return
    can_redraw = folder.weights.exists()
    expected = _list_pictures(folder) if can_redraw else ()
    others = [folder.pictures] if can_redraw else []
    then = "set aside, and drawn again if there are weights"
    for path in sorted({*list_plain_folder(folder.pictures, "*.*"), *expected}):
        faults = [*_check_file(path, _read_picture, *others, then=then)]
        yield from faults
        if faults:
            return


def _list_pictures(folder: RunFolder) -> list[Path]:
    """The pictures that every model has."""
    try:
        codes = ("codes.png", "codes.npz") if read_json(folder.spec).get("latent") == 2 else ()
    except ResultsError:
        codes = ()
    return [folder.pictures / name for name in ("reconstructions.png", "samples.png", *codes)]


def _read_picture(path: Path) -> None:
    if not is_there(path):
        raise ResultsError(f"{path}: is not there")
    if path.suffix == ".npz":
        read_picture(path)
    elif path.suffix == ".png":
        verify_picture(path)
        check_png_size(path)


def _check_file(
    path: Path, read: Callable[[Path], object], *others: Path, then: str = "set aside, to be made again"
) -> Iterator[Fault]:
    """The fault of a file that cannot be read; `others` are set aside with it."""
    try:
        read(path)
    except ResultsError as error:
        yield _set_aside_fault(path, _describe_error(error, path), *others, then=then)


def _set_aside_fault(path: Path, what: str, *others: Path, then: str = "set aside, to be made again") -> Fault:
    return Fault(path, what, lambda: set_aside(path, *others), then)


def _describe_error(error: ResultsError, path: Path) -> str:
    """What is wrong; the path and the remedy for those without `doctor` are left out."""
    return str(error).removeprefix(f"{path}: ").partition("; remove ")[0]
