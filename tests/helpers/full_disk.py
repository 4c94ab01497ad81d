"""`python -m helpers.full_disk FOLDER`: fill a small disk just before each kind of write, then free space and continue.

It mounts the disk itself and therefore needs a mount namespace of its own (`unshare -Urm`). For each kind of write it
prints a line of JSON: the exit code and the output of the command, and whether the same command then succeeded.
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

from helpers.chaos_harness import Scenario, benchmark_text, run_command, run_in_fork

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
FUNCTIONS = {
    "a checkpoint": "torch.save",
    "the weights": "safetensors.torch.save_file",
}
"""Kinds of write outside Python, by the function that is called."""
MLFLOW = {
    "the tables of MLflow": "vimae_bench.tracking.store.connect_client",
    "the rows of MLflow": "mlflow.MlflowClient.log_batch",
    "an artifact of MLflow": "mlflow.MlflowClient.log_artifact",
    "the sync state of MLflow": "vimae_bench.tracking.sync_state.SyncState.write",
}
"""Functions of the MLflow mirror, whose failures stop nothing."""


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
            self._wrap((FUNCTIONS | MLFLOW)[self.what])

    def fill(self) -> None:
        """Use up all free space."""
        self.full = True
        with (self.disk / "ballast").open("wb", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                while _try_to_write(file, bytes(size)):
                    continue

    def _look(self, event: str, given: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and not self.full and FILES[self.what] in str(given[0]):
            self.fill()

    def _wrap(self, name: str) -> None:
        owner, _, attribute = name.rpartition(".")
        holder = _import_owner(owner)
        real = getattr(holder, attribute)

        def filling(*args: Any, **kwargs: Any) -> Any:
            if not self.full:
                self.fill()
            return real(*args, **kwargs)

        setattr(holder, attribute, filling)


def _try_to_write(file: Any, data: bytes) -> bool:
    try:
        return file.write(data) == len(data)
    except OSError:
        return False


def _import_owner(name: str) -> Any:
    """A module, or a class in one."""
    try:
        return importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


def try_full_disk(what: str, disk: Path, undisturbed: Scenario) -> dict[str, object]:
    """One kind of write on a disk of its own."""
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
    scenario, output = Scenario(disk / "scenario", undisturbed.text, disk / "data"), disk.with_suffix(".txt")
    code = run_in_fork(run_command, scenario.words(), output, FillAt(what, disk))
    said, full = output.read_text(), (disk / "ballast").exists()
    (disk / "ballast").unlink(missing_ok=True)
    scenario.readable()
    before = scenario.finished()
    again = run_in_fork(run_command, scenario.words(), output)
    if what in MLFLOW:
        run_in_fork(run_command, ["sync", str(scenario.file), "--results", str(disk / "scenario" / "results")], output)
    scenario.check(before, undisturbed, Counter())
    return {"what": what, "full": full, "code": code, "said": said, "again": again}


def main(folder: Path) -> None:
    """Every kind of write."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    for kinds, reporters in (((*FILES, *FUNCTIONS), ()), (tuple(MLFLOW), ("mlflow",))):
        undisturbed = Scenario(
            folder / f"undisturbed{len(kinds)}", benchmark_text(reporters=reporters), folder / "data"
        )
        assert run_in_fork(run_command, undisturbed.words(), folder / "output.txt") == 0, (
            folder / "output.txt"
        ).read_text()
        for what in kinds:
            print(json.dumps(try_full_disk(what, folder / what.replace(" ", "-"), undisturbed)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
