"""The keys of a benchmark file, as types. The catalogue keeps their form; nothing else imports this."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from ..kinds import Architecture, Dataset, Divergence, Executor, Metric, Objective, Prior, Reporter
from ..records import Training

KINDS: dict[object, str] = {
    Prior: "prior",
    Divergence: "divergence",
    Architecture: "architecture",
    Objective: "objective",
    Metric: "metric",
    Dataset: "dataset",
    Executor: "executor",
    Reporter: "reporter",
}
# Not `$`, which lets an end of line pass; and Python's `\Z`, which pydantic's own engine does not know.
Name = Annotated[str, Field(json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9_.-]{0,63}\Z"})]
Preset = Literal["", "paper", "wae", "calibrated"]
Label = Annotated[str, Field(min_length=1, max_length=64)]
Labels = Annotated[tuple[Label, ...], Field(json_schema_extra={"uniqueItems": True})]


@dataclass(frozen=True)
class MethodForm:
    """A row of the leaderboard: an objective over a prior, or an A/A control that `repeats` the method of a label."""

    label: Label
    objective: Objective
    prior: Prior
    repeats: str = ""


@dataclass(frozen=True)
class LeaveOutForm:
    """Cells of the matrix that are not run: all that agree with every name given."""

    method: str = ""
    dataset: str = ""
    architecture: str = ""


@dataclass(frozen=True)
class LeaderboardForm:
    """How results are shown: the measure that sorts, and the columns, both by the measures' names."""

    rank_by: str = ""
    columns: Labels = ()


@dataclass(frozen=True)
class FileForm:
    """A benchmark: every method on every data set with every architecture, from every seed."""

    name: Name
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})
    ]
    dataset: tuple[Dataset, ...]
    architecture: tuple[Architecture, ...]
    latent: Annotated[int, Field(ge=1)]
    method: tuple[MethodForm, ...]
    metrics: tuple[Metric, ...] = ()
    preset: Preset = ""
    sigma: Annotated[float, Field(ge=1e-6, le=1e6)] | None = None
    training: Training = field(default=Training())
    leave_out: tuple[LeaveOutForm, ...] = ()
    leaderboard: LeaderboardForm = LeaderboardForm()
    executor: Executor = field(default="local")  # pyright: ignore[reportAssignmentType]
    reporters: tuple[Reporter, ...] = field(default=("console", "mlflow"))  # pyright: ignore[reportAssignmentType]
