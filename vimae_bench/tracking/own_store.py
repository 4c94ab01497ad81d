"""The store in a results folder, which may come from somebody else: what in it would lead elsewhere is refused.

MLflow copies pictures, records and weights to where its database says, which may be a server.
"""

import os
import re
import sqlite3
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..core.errors import ResultsError
from ..storage.doctor import JOURNALS, MAX_DATABASE
from ..storage.plain_files import check_folder, check_plain_file

ARTIFACTS = "mlflow-artifacts"
STATEMENTS = "SELECT tbl_name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"
PLACES = re.compile(r"runs|experiments|artifact", re.IGNORECASE)
"""What a trigger of the database has to do with to change where files are kept."""
RUN_ID = re.compile(r"[0-9a-f]{32}")


def get_database(results: Path) -> Path:
    """The database of a results folder that holds several benchmarks."""
    return results.resolve() / "mlflow.db"


def get_artifact_folder(benchmark: Path) -> Path:
    """Where the files of a benchmark's runs are kept by the store of its results folder."""
    return benchmark.parent.resolve() / ARTIFACTS / benchmark.name


def check_own_database(results: Path) -> None:
    """Raises ResultsError for a database that is no regular file, or has statements of its own to be executed."""
    path = get_database(results)
    for file in (path, *(path.with_name(path.name + end) for end in JOURNALS)):
        if os.path.lexists(file):
            check_plain_file(file, MAX_DATABASE)
    if not path.exists():
        return
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        found = connection.execute(STATEMENTS).fetchall()
    except sqlite3.DatabaseError:
        return  # MLflow says what is wrong with it
    finally:
        connection.close()
    if any(PLACES.search(f"{table} {statement}") for table, statement in found):
        raise ResultsError(f"{path}: changes by itself where files are kept; remove it and sync again")


def check_artifact_location(benchmark: Path, location: str) -> None:
    """Raises ResultsError for an experiment whose files would be kept outside its results folder."""
    expected = get_artifact_folder(benchmark)
    if _read_local_path(location) != expected:
        remedy = f"remove or rename {get_database(benchmark.parent)} and sync again, to fill a new one"
        raise ResultsError(f"{get_database(benchmark.parent)}: keeps files outside {expected}; {remedy}")
    check_folder(expected.parent)
    check_folder(expected)


def check_run_location(benchmark: Path, run_id: str, location: str) -> None:
    """Raises ResultsError for a run whose files would be kept anywhere but in its folder, or which has links there."""
    folder = get_artifact_folder(benchmark) / run_id
    if not RUN_ID.fullmatch(run_id) or _read_local_path(location) != folder / "artifacts":
        path = get_database(benchmark.parent)
        raise ResultsError(f"{path}: keeps files of a run outside {folder}; remove or rename it and sync again")
    check_folder(folder)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            mode = os.lstat(path := Path(place, name)).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise ResultsError(f"{path}: is a link, or no regular file; remove it and sync again")


def _read_local_path(location: str) -> Path | None:
    """The path of a `file:` address or of a plain path without steps up; None for anything else."""
    parts = urlsplit(location)
    if parts.scheme not in ("", "file") or parts.netloc or parts.query or parts.fragment:
        return None
    path = Path(unquote(parts.path) if parts.scheme else location)
    return path if path.is_absolute() and ".." not in path.parts else None
