"""`python full_disk.py FOLDER`: fill a small disk at the moment of each kind of write, then make room and go on.

It mounts the disk itself, and so wants a mount namespace of its own (`unshare -Urm`). Prints a line of JSON for each
kind of write: how the command ended and what it said, and whether the same command then ended as if nothing had been.
"""

import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena import Arena, command, forked, text

FILES = {
    "the benchmark": "benchmark.json.",
    "a spec": "spec.json.",
    "a record": "record.json.",
    "a metric": "reconstruction-",
    "reference rows": "references/.",
    "a picture": ".pictures.unfinished/",
    "an event": "events.jsonl",
    "the table": "leaderboard.md.",
    "the plot": "leaderboard.png.",
    "the codes": "codes.png.",
    "a data set": "train_x.npy",
}
"""Kinds of write that Python audits, by a part of the file's path."""
CALLS = {
    "a checkpoint": "torch.save",
    "the weights": "safetensors.torch.save_file",
}
"""Kinds of write that other languages do, by what is called for them."""
MLFLOW = {
    "the tables of MLflow": "vimae_bench.tracking.store.connect",
    "the rows of MLflow": "mlflow.MlflowClient.log_batch",
    "an artefact of MLflow": "mlflow.MlflowClient.log_artifact",
    "the cursor of MLflow": "vimae_bench.tracking.sync_state.Cursor.write",
}
"""What is called in the mirror, which is in nobody's way when it fails."""


@dataclass
class FillAt:
    """A fault: the disk fills up just before something is written for the first time."""

    what: str
    disk: Path
    full: bool = False

    def __call__(self) -> None:
        if self.what in FILES:
            sys.addaudithook(self._look)
        else:
            self._wrap((CALLS | MLFLOW)[self.what])

    def fill(self) -> None:
        """Take up all that is free, to the last byte."""
        self.full = True
        with (self.disk / "ballast").open("wb", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                while _written(file, bytes(size)):
                    continue

    def _look(self, event: str, given: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and not self.full and FILES[self.what] in str(given[0]):
            self.fill()

    def _wrap(self, name: str) -> None:
        owner, _, attribute = name.rpartition(".")
        holder = _found(owner)
        real = getattr(holder, attribute)

        def filling(*args: Any, **kwargs: Any) -> Any:
            if not self.full:
                self.fill()
            return real(*args, **kwargs)

        setattr(holder, attribute, filling)


def _written(file: Any, data: bytes) -> bool:
    try:
        return file.write(data) == len(data)
    except OSError:
        return False


def _found(name: str) -> Any:
    """A module, or a class in one."""
    try:
        return importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


def tried(what: str, disk: Path, calm: Arena) -> dict[str, object]:
    """One kind of write on a disk of its own."""
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
    arena, told = Arena(disk / "arena", calm.text, disk / "data"), disk.with_suffix(".txt")
    code = forked(command, arena.words(), told, FillAt(what, disk))
    said, full = told.read_text(), (disk / "ballast").exists()
    (disk / "ballast").unlink(missing_ok=True)
    arena.readable()
    before = arena.finished()
    again = forked(command, arena.words(), told)
    if what in MLFLOW:
        forked(command, ["sync", str(arena.file), "--results", str(disk / "arena" / "results")], told)
    arena.check(before, calm, Counter())
    return {"what": what, "full": full, "code": code, "said": said, "again": again}


def main(folder: Path) -> None:
    """Every kind of write."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    for kinds, reporters in (((*FILES, *CALLS), ()), (tuple(MLFLOW), ("mlflow",))):
        calm = Arena(folder / f"calm{len(kinds)}", text(reporters=reporters), folder / "data")
        assert forked(command, calm.words(), folder / "told.txt") == 0, (folder / "told.txt").read_text()
        for what in kinds:
            print(json.dumps(tried(what, folder / what.replace(" ", "-"), calm)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
