"""The files of a run on their way between the results folder and a node that does not see it."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vimae_bench.execution import (
    Job,
    RunFolder,
    atomic_write,
    baseline_path,
    list_plain_folder,
    make_folder_of,
    open_for_appending,
    read_plain_file,
)

Files = Mapping[str, bytes]
"""Contents by path, relative to the folder of the benchmark."""


def pack_files(job: Job) -> Files:
    """What there is of the runs of a job, and of the baselines that they may have to measure."""
    benchmark = RunFolder(job.folder).benchmark
    paths = (path for one in (job, *job.batched_with) for path in _list_files(one))
    return {str(path.relative_to(benchmark)): read_plain_file(path) for path in paths}


def unpack_files(job: Job, files: Files) -> None:
    """Put the files of a job's runs in their places."""
    benchmark = RunFolder(job.folder).benchmark
    paths = {benchmark / name: data for name, data in files.items()}
    folders = [RunFolder(one.folder) for one in (job, *job.batched_with)]
    for path in paths:
        if not any(path.is_relative_to(folder.path) for folder in folders):
            _write_if_changed(path, paths[path])
    for folder in folders:
        _unpack_run(folder, {path: data for path, data in paths.items() if path.is_relative_to(folder.path)})


def _unpack_run(folder: RunFolder, paths: Mapping[Path, bytes]) -> None:
    """The pictures all at once, the record last: where it is, all else is."""
    pictures = [path for path in paths if path.parent == folder.pictures]
    for path in paths.keys() - {*pictures, folder.record}:
        _write_if_changed(path, paths[path])
    if pictures and not folder.pictures.exists():
        unfinished = folder.pictures.with_name(".pictures.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for path in pictures:
            _write_if_changed(unfinished / path.name, paths[path])
        unfinished.rename(folder.pictures)
    if folder.record in paths:
        _write_if_changed(folder.record, paths[folder.record])
    if not any(path.parent == folder.checkpoints for path in paths):  # training has ended there
        shutil.rmtree(folder.checkpoints, ignore_errors=True)


def _write_if_changed(path: Path, data: bytes) -> None:
    if not path.exists() or read_plain_file(path) != data:
        atomic_write(path, lambda temporary: temporary.write_bytes(data))


def _list_files(job: Job) -> Iterator[Path]:
    top = list_plain_folder(job.folder)
    inner = (path for folder in top if folder.is_dir() for path in list_plain_folder(folder))
    for path in sorted((*top, *inner)):
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and path.suffix != ".corrupt":
            yield path
    run = job.entry.run
    for metric in job.entry.metrics:
        path = baseline_path(RunFolder(job.folder).benchmark, run.dataset, run.latent, metric)
        if path.exists():
            yield path


@dataclass(frozen=True)
class FileUpdate:
    """What a run has written since its last update: bytes of its events from an offset on, and its checkpoints."""

    offset: int
    events: bytes
    checkpoints: Files

    def apply(self, folder: RunFolder) -> None:
        """Add it to the run's files in the results folder."""
        make_folder_of(folder.events)
        with os.fdopen(open_for_appending(folder.events), "ab", buffering=0) as file:
            file.write(self.events[file.seek(0, os.SEEK_END) - self.offset :])
        for name, data in self.checkpoints.items():
            _write_if_changed(folder.checkpoints / name, data)
        for old in list_plain_folder(folder.checkpoints, "epoch-*-*.pt")[:-2]:
            old.unlink(missing_ok=True)


def collect_update(folder: RunFolder, offset: int, known: Sequence[str]) -> FileUpdate:
    """What is new in a run's folder: complete lines of its events behind an offset, and checkpoints not known yet."""
    events = read_plain_file(folder.events)[offset:] if folder.events.exists() else b""
    complete = events[: events.rfind(b"\n") + 1]
    checkpoints = {}
    for path in list_plain_folder(folder.checkpoints, "epoch-*-*.pt"):
        if path.name not in known:
            with contextlib.suppress(FileNotFoundError):  # a newer one has taken its place
                checkpoints[path.name] = read_plain_file(path)
    return FileUpdate(offset, complete, checkpoints)
