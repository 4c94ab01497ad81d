"""How much of a run's folder MLflow has: a file in the folder, saved after each thing that was sent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..core.canonical import check_type
from ..core.errors import ResultsError
from ..storage.atomic import read_json, write_json


@dataclass(frozen=True)
class SyncState:
    """The MLflow run, how much of events.jsonl it has, and a stamp of each file and state it has.

    `target` names the store and experiment; `offset` counts bytes; `epoch` and `time` are those of the last lines.
    """

    target: str
    run_id: str = ""
    offset: int = 0
    epoch: int = 0
    time: float = 0.0
    sent: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, path: Path, target: str) -> "SyncState":
        """Read the state for a target; an empty one if there is none, or only that of another target."""
        try:
            state = cls(**read_json(path))
            state._check_types()
        except (AttributeError, ResultsError, TypeError):
            return cls(target)
        return state if state.target == target else cls(target)

    def _check_types(self) -> None:
        for name in ("target", "run_id"):
            check_type(name, getattr(self, name), str)
        for name in ("offset", "epoch"):
            check_type(name, getattr(self, name), int)
        check_type("time", self.time, float)
        for stamp in self.sent.values():
            check_type("sent", stamp, str)
        if not (0 <= self.offset < 2**63):
            raise TypeError(f"offset is {self.offset}")

    def write(self, path: Path) -> "SyncState":
        """Save the state, and return it."""
        write_json(path, asdict(self))
        return self


def read_mlflow_run_id(path: Path) -> str:
    """The id of MLflow's run in a state, whatever its target; empty if there is none."""
    try:
        run_id = read_json(path).get("run_id")
    except ResultsError:
        return ""
    return run_id if isinstance(run_id, str) else ""


def read_mlflow_experiment(path: Path, store: str) -> str:
    """The id of the experiment in a state, if it is one of this store; empty if not."""
    try:
        target = read_json(path).get("target")
    except ResultsError:
        return ""
    uri, experiment, _ = [*(target if isinstance(target, str) else "").rsplit(" ", 2), "", "", ""][:3]
    return experiment if uri == store else ""


def file_stamp(path: Path) -> str:
    """A file's time and size: it changes when the file is written again."""
    stat = path.stat()
    return f"{stat.st_mtime_ns}-{stat.st_size}"
