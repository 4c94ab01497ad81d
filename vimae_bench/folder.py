"""The folder of one run, which is the truth about it. Everything else (MLflow, tables) is made from these folders.

runs/elbo-mnist-mlp-s0-1f2e3d4c5b6a/
  spec.json           the run, with all settings and versions; never changed
  events.jsonl        one line for each epoch and each thing that happened, only ever appended to
  checkpoints/        the newest states of training, their sha256 in their names
  weights.safetensors the trained model
  record.json         written last: its being there means that training has ended
  metrics/            one file for each metric, under the metric's own identity
  pictures/           what a person looks at first
  log.txt             what the worker printed
"""

from dataclasses import dataclass
from pathlib import Path

from .files import append_line, read_lines, write_json
from .records import Choice, Json, Run


@dataclass(frozen=True)
class RunFolder:
    """A run's files, by what they are."""

    path: Path

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
    def lock(self) -> Path:
        return self.path / ".lock"

    def metric(self, choice: Choice) -> Path:
        """Where the measures of one metric are kept; a metric with other settings or version has another file."""
        return self.path / "metrics" / f"{choice.key}.json"

    def write_spec(self, run: Run) -> None:
        """Write the spec if it is not there."""
        if not self.spec.exists():
            write_json(self.spec, run.as_json())

    def tell(self, event: str, **what: object) -> None:
        """Append an event."""
        self.path.mkdir(parents=True, exist_ok=True)
        append_line(self.events, {"event": event, **what})

    def history(self) -> list[Json]:
        """The epochs' lines in order, each epoch once: a resumed epoch repeats the lines it had written before."""
        epochs: dict[int, Json] = {}
        for line, _ in read_lines(self.events):
            if line.get("event") == "epoch":
                epochs.setdefault(line["epoch"], line)
        return [epochs[e] for e in sorted(epochs)]


def reference_path(benchmark: Path, dataset: Choice, latent: int, metric: Choice) -> Path:
    """Where a benchmark keeps what methods without training reach under one metric on one data set."""
    return benchmark / "references" / f"{dataset.key}-d{latent}-{metric.key}.json"
