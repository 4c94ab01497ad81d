"""The folder of one run, the source of truth about it. Everything else (MLflow, tables) is made from these folders.

runs/elbo-mnist-mlp-s0-1f2e3d4c5b6a/
  spec.json           the run, with all settings and versions; never changed
  events.jsonl        one line for each epoch and each thing that happened, only ever appended to
  checkpoints/        the newest states of training, their sha256 in their names
  weights.safetensors the trained model
  record.json         written last: its presence means that training has ended
  metrics/            one file for each metric, under the metric's own identity
  pictures/           what a person looks at first
  log.txt             what the worker printed
"""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..core.canonical import Json, is_number
from ..core.errors import ResultsError
from ..core.spec import PluginSpec, Run
from . import verify
from .atomic import append_json_line, read_json_lines, write_json
from .plain_files import get_size_limit, is_there, keep_in_place, make_folder_of

CLAIM_SECONDS = 0.5
"""How long a process waits for the lock of a run: others take it for a moment to see whether it is free."""
MAX_EPOCHS = 300_000
"""Of which a history is read, as many as the file of events has room for."""
OTHER_EVENTS = 2**20
"""Bytes of that file that are kept free for other events."""
REQUIRED_FIELDS: dict[str, tuple[str, type]] = {
    "started": ("resumed_from", int),
    "epoch": ("epoch", int),
    "measuring": ("metric", str),
    "metric failed": ("reason", str),
}
"""What readers of an event need of it."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files. `path` may lead into an archive, which can only be read."""

    path: Path

    @property
    def benchmark(self) -> Path:
        """The results folder of the benchmark that the run belongs to."""
        return self.path.parents[1]

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def record(self) -> Path:
        return self.path / "record.json"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def checkpoints_of_seeds(self) -> Path:
        """Where this run's folder holds the states of several seeds that are trained as one."""
        return self.path / "checkpoints-of-seeds"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def sync_state(self) -> Path:
        """How much of this folder MLflow has (tracking/sync_state.py)."""
        return self.path / ".mlflow.json"

    @property
    def sync_lock(self) -> Path:
        """Held by the process that sends this folder to MLflow."""
        return self.path / ".mlflow.lock"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @contextlib.contextmanager
    def claim(self) -> Generator[None]:
        """A context that holds the run's lock, so that no other process trains or measures it meanwhile.

        Entering it raises `filelock.Timeout` where another process holds the lock for longer than `is_claimed` takes
        to look, and ResultsError where something else is in the place of the lock or the folder. Inside, the folder is
        not made again where it was moved or removed.
        """
        from .locks import make_lock  # commands that only read take longer to import it than to read a folder

        make_folder_of(self.record)
        with make_lock(self.lock, CLAIM_SECONDS), keep_in_place(self.path, self.benchmark):
            yield

    def is_claimed(self) -> bool:
        """Whether some process holds the run's lock. There is no way to look but to take it for a moment."""
        from filelock import Timeout

        from .locks import make_lock

        if not self.path.is_dir():
            return False
        try:
            with make_lock(self.lock, 0):
                return False
        except Timeout:
            return True

    def metric_path(self, metric: PluginSpec) -> Path:
        """The file of one metric's measures; a metric with other settings or version has another file."""
        return self.path / name_metric_file(metric)

    def read_record(self) -> Json:
        """The record; empty if training has not ended. Raises ResultsError if it is damaged."""
        return verify.read_record(self.record) if is_there(self.record) else {}

    def write_spec(self, run: Run) -> None:
        """Write the spec if it is not there."""
        if not is_there(self.spec):
            write_json(self.spec, run.as_json())

    def append_event(self, event: str, **fields: object) -> None:
        """Append an event with these fields, of which `time` (seconds since the epoch) is required.

        Epochs beyond what the file may hold are left out, of some 300,000.
        """
        make_folder_of(self.events)
        if event == "epoch" and self._are_events_full():
            return
        append_json_line(self.events, {"event": event, **fields})

    def _are_events_full(self) -> bool:
        return self.events.exists() and self.events.stat().st_size > get_size_limit(self.events) - OTHER_EVENTS

    @property
    def has_ended(self) -> bool:
        """Whether the last event is the run's end."""
        try:
            last = deque(read_events(self.events), maxlen=1)
        except ResultsError:
            return False
        return bool(last) and last[0][0].get("event") == "ended"

    def read_history(self) -> list[Json]:
        """The events of the epochs in order, each once: a resumed run repeats the epochs after its checkpoint.

        Those before a training that started over are not among them. Empty where the file of the events is no regular
        one.
        """
        epochs: dict[int, Json] = {}
        try:
            for line, _ in read_events(self.events):
                if line.get("event") == "restarted":
                    epochs.clear()
                if line.get("event") == "epoch" and len(epochs) < MAX_EPOCHS:
                    epochs.setdefault(line["epoch"], line)
        except ResultsError:
            return []
        return [epochs[e] for e in sorted(epochs)]


def name_metric_file(metric: PluginSpec) -> str:
    """The name of a metric's file in the folder of a run."""
    return f"metrics/{metric.key}.json"


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[Json, int]]:
    """The events in a file from a byte offset on, each with the offset of its end; other lines are skipped.

    Raises ResultsError for what is not a regular file, or larger than any run's.
    """
    return ((line, end) for line, end in read_json_lines(path, offset) if is_event(line))


def is_event(line: Json) -> bool:
    """Whether a line has the fields that an event of its name needs, with values of the right types."""
    event = line.get("event")
    if not isinstance(event, str) or not is_number(line.get("time")) or not isinstance(line.get("remark", ""), str):
        return False
    name, kind = REQUIRED_FIELDS.get(event, ("event", str))
    if type(line.get(name)) is not kind:
        return False
    return event != "epoch" or _is_epoch(line)


def _is_epoch(line: Json) -> bool:
    terms: object = line.get("terms")
    if not isinstance(terms, dict) or not all(v is None or is_number(v) for v in cast("Json", terms).values()):
        return False
    return 0 < line["epoch"] < 2**31 and is_number(line.get("seconds"))


def baseline_path(benchmark: Path, dataset: PluginSpec, latent: int, metric: PluginSpec) -> Path:
    """The file of baseline rows (no training needed) of one metric on one data set, in a benchmark's results folder."""
    return benchmark / "references" / f"{dataset.key}-d{latent}-{metric.key}.json"
