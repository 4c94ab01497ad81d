"""Whether the files of a run are as they were written: one function for each kind of file.

Each raises ResultsError, naming the file, for one that is damaged. The results folder, the engine and `doctor` all ask
here; metrics are read by `metric_file`, codes by `latent_codes`.
"""

import os
import shutil
from pathlib import Path
from typing import cast, get_args

from ..core.canonical import Json
from ..core.errors import ResultsError
from ..core.results import Status
from ..core.spec import Run
from .atomic import compute_sha256, read_json
from .plain_files import check_plain_file, read_plain_file
from .png_files import SIGNATURE

PNG_END = b"IEND\xaeB`\x82"


def read_record(path: Path, run: Run | None = None, data: bytes | None = None) -> Json:
    """The record of how a training ended; if `run` is given, it has to be that of this run.

    `data` are the bytes of the file, if they have been read.
    """
    record = read_json(path, data)
    if record.get("status") not in get_args(Status) or (run and record.get("key") != run.key):
        raise ResultsError(f"{path}: is not the record of this run; remove it and run again")
    made_by = record.get("made_by") or {}
    plugins = isinstance(made_by, dict) and made_by.get("plugins", {})
    sources = isinstance(made_by, dict) and made_by.get("sources", {})
    tables = (record.get("data") or {}, record.get("weights") or {}, made_by, plugins, sources)
    if not isinstance(record.get("reason", ""), str) or not all(isinstance(table, dict) for table in tables):
        raise ResultsError(f"{path}: is not as `run` writes it; remove it and run again")
    return record


def read_spec(path: Path) -> Run:
    """The run that a spec describes."""
    return parse_run(path, read_json(path))


def parse_run(path: Path, raw: object) -> Run:
    """The run in a file's JSON."""
    try:
        return Run.from_json(cast("Json", raw))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: is not as `run` writes it ({error!r}); remove it and run again") from error


def verify_weights(path: Path, record: Json) -> None:
    """Raises ResultsError if trained weights are not those of their record."""
    weights: object = record.get("weights")
    digest = cast("Json", weights).get("sha256") if isinstance(weights, dict) else None
    size = cast("Json", weights).get("bytes") if isinstance(weights, dict) else None
    if type(size) is int:  # older records do not have it
        check_plain_file(path)
        if path.stat().st_size > size:
            raise ResultsError(
                f"{path}: has more bytes than the {size:,} that the record gives; remove it and run again"
            )
    if compute_sha256(path) != digest:
        raise ResultsError(f"{path}: does not have the sha256 that the record gives; remove it and run again")


def verify_checkpoint(path: Path) -> None:
    """Raises ResultsError if a state of training does not have the sha256 in its name."""
    if compute_sha256(path)[:16] != path.stem.rpartition("-")[2]:
        raise ResultsError(f"{path}: does not have the sha256 in its name")


def verify_picture(path: Path) -> None:
    """Raises ResultsError if a PNG was cut off."""
    data = read_plain_file(path)
    if not (data.startswith(SIGNATURE) and data.endswith(PNG_END)):
        raise ResultsError(f"{path}: is not a complete picture")


def set_aside(*paths: Path) -> None:
    """Rename damaged files, folders or links to `<name>.corrupt`, to be made again; missing ones are skipped."""
    for path in paths:
        if os.path.lexists(path):
            aside = path.with_suffix(".corrupt")
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)  # from an earlier repair
            elif path.is_dir() and not path.is_symlink():
                aside.unlink(missing_ok=True)  # a folder cannot take the place of a file
            path.replace(aside)
