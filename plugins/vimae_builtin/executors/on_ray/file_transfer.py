"""The files of a run on their way between the results folder and a node that does not see it."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vimae_bench.execution import Job
from vimae_bench.storage.atomic import atomic_write
from vimae_bench.storage.run_folder import RunFolder, reference_path

Files = Mapping[str, bytes]
"""Contents by path, relative to the folder of the benchmark."""


def pack(job: Job) -> Files:
    """What there is of the runs of a job, and of the reference rows they may have to measure."""
    benchmark = job.folder.parents[1]
    paths = (path for one in (job, *job.batched_with) for path in _belonging(one))
    return {str(path.relative_to(benchmark)): path.read_bytes() for path in paths}


def unpack(job: Job, files: Files) -> None:
    """Put the files of a job's runs in their places."""
    benchmark = job.folder.parents[1]
    paths = {benchmark / name: data for name, data in files.items()}
    folders = [RunFolder(one.folder) for one in (job, *job.batched_with)]
    for path in paths:
        if not any(path.is_relative_to(folder.path) for folder in folders):
            _write(path, paths[path])
    for folder in folders:
        _unpack(folder, {path: data for path, data in paths.items() if path.is_relative_to(folder.path)})


def _unpack(folder: RunFolder, paths: Mapping[Path, bytes]) -> None:
    """The pictures all at once, the record last: its being there means that all else is."""
    drawn = [path for path in paths if path.parent == folder.pictures]
    for path in paths.keys() - {*drawn, folder.record}:
        _write(path, paths[path])
    if drawn and not folder.pictures.exists():
        aside = folder.pictures.with_name(".pictures.unfinished")
        shutil.rmtree(aside, ignore_errors=True)
        for path in drawn:
            _write(aside / path.name, paths[path])
        aside.rename(folder.pictures)
    if folder.record in paths:
        _write(folder.record, paths[folder.record])
    if not any(path.parent == folder.checkpoints for path in paths):  # training has ended there
        shutil.rmtree(folder.checkpoints, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        atomic_write(path, lambda temporary: temporary.write_bytes(data))


def _belonging(job: Job) -> Iterator[Path]:
    for path in sorted(job.folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".corrupt":
            yield path
    run = job.entry.run
    for choice in job.entry.metrics:
        path = reference_path(job.folder.parents[1], run.dataset, run.latent, choice)
        if path.exists():
            yield path


@dataclass(frozen=True)
class News:
    """What a run has written since it was last told of: bytes of its events from an offset on, its checkpoints."""

    offset: int
    events: bytes
    checkpoints: Files

    def write(self, folder: RunFolder) -> None:
        """Add it to the run's files in the results folder."""
        folder.path.mkdir(parents=True, exist_ok=True)
        size = folder.events.stat().st_size if folder.events.exists() else 0
        with folder.events.open("ab", buffering=0) as file:
            file.write(self.events[size - self.offset :])
        for name, data in self.checkpoints.items():
            _write(folder.checkpoints / name, data)
        newest = sorted(folder.checkpoints.glob("epoch-*-*.pt"), reverse=True)
        for old in newest[2:]:
            old.unlink(missing_ok=True)


def news(folder: RunFolder, offset: int, known: Sequence[str]) -> News:
    """What is new in a run's folder behind an offset of its events, and beside checkpoints that are known."""
    events = folder.events.read_bytes()[offset:] if folder.events.exists() else b""
    whole = events[: events.rfind(b"\n") + 1]
    checkpoints = {}
    for path in folder.checkpoints.glob("epoch-*-*.pt"):
        if path.name not in known:
            with contextlib.suppress(FileNotFoundError):  # a newer one has taken its place
                checkpoints[path.name] = path.read_bytes()
    return News(offset, whole, checkpoints)
