"""The keys of a benchmark file, as types. `file_form.py` caches their form, and alone imports this."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from ..core.canonical import Json
from ..core.spec import Training
from ..data.types import Dataset
from ..execution.interfaces import Executor, Reporter
from ..models.priors import Prior
from ..plugin.interfaces import Architecture, Metric, Objective
from ..plugin.settings import PARTIAL

# Not `$`, which lets an end of line pass; and Python's `\Z`, which pydantic's own engine does not know.
Name = Annotated[str, Field(json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9_.-]{0,63}\Z"})]
Label = Annotated[str, Field(min_length=1, max_length=64)]
Labels = Annotated[tuple[Label, ...], Field(json_schema_extra={"uniqueItems": True})]


SPACE: Json = {
    "type": ["array", "object"],
    "description": "A list of values, or the bounds of a range.",
    "minItems": 1,
    "uniqueItems": True,
    "properties": {
        "low": {"type": "number", "description": "The least value."},
        "high": {"type": "number", "description": "The greatest value."},
        "log": {"type": "boolean", "description": "Whether its logarithm is what is uniform.", "default": False},
    },
    "required": ["low", "high"],
    "additionalProperties": False,
    "x-remedy": "; the path of a setting is written in quotes",
}
"""Values to choose among. JSON Schema applies keywords of arrays to lists alone, and those of objects to tables."""

MARGIN: Json = {"type": ["number", "string"], "exclusiveMinimum": 0, "minLength": 1}
"""A margin of equivalence; `parse_margin` checks it once the measure is known."""


@dataclass(frozen=True)
class MethodTable:
    """A row of the leaderboard: an objective over a prior, or an A/A control that `repeats` the method of a label."""

    label: Label
    """The name of the row, different for each method."""
    objective: Objective
    """An objective."""
    prior: Prior
    """A prior; objectives that use none ignore it in training, and samples are still drawn from it."""
    repeats: str = ""
    """In place of objective and prior, the label of another method: an A/A control, from other seeds."""
    training: Annotated[Training, PARTIAL] = field(default_factory=dict)  # pyright: ignore[reportAssignmentType]
    """Its own settings of the training, such as a learning rate."""
    search: Annotated[dict[str, Any], Field(json_schema_extra={"additionalProperties": SPACE})] = field(
        default_factory=dict[str, Any]
    )
    """Which of its settings `vimae-bench tune` chooses, and among which values."""


@dataclass(frozen=True)
class LeaveOutTable:
    """Entries of the matrix that are not run: all that match every name given."""

    method: str = ""
    """The label of a method."""
    dataset: str = ""
    """The name of a data set."""
    architecture: str = ""
    """The name of an architecture."""


@dataclass(frozen=True)
class LeaderboardTable:
    """How results are shown: the measure that sorts, and the columns, both by the measures' names."""

    rank_by: str = ""
    """The measure that sorts the rows; unless given, the first that has a direction."""
    columns: Labels = ()
    """The measures that are shown and tested; unless given, all."""
    provenance: str = ""
    """A sentence below the tables: how the settings of the methods were chosen."""
    margins: Annotated[dict[str, Any], Field(json_schema_extra={"additionalProperties": MARGIN})] = field(
        default_factory=dict[str, Any]
    )
    """Differences that do not matter, by measure: a number in its unit, or text such as "0.5 nats" or "5 %"."""


@dataclass(frozen=True)
class TuningTable:
    """How `vimae-bench tune` chooses the settings that methods `search`: on held-out images, with equal budgets."""

    trials: Annotated[int, Field(ge=1)] = 20
    """Trials of each method."""
    measure: str = ""
    """The measure of which the best mean over seeds is chosen; unless given, the leaderboard's `rank_by`."""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})
    ] = (100,)
    """The seeds of each trial, other than those of the file."""
    sampler: Literal["random", "tpe"] = "random"
    """Independent draws, or the tree-structured Parzen estimator (Bergstra et al. 2011)."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The seed of the sampler."""
    at_once: Annotated[int, Field(ge=1)] = 5
    """Trials of a method that are drawn together, before the results of any are known."""


@dataclass(frozen=True)
class BenchmarkFile:
    """A benchmark: every method on every data set with every architecture, from every seed."""

    name: Name
    """The folder below the results folder, and the experiment in MLflow: lower-case letters, digits, `_`, `.`, `-`."""
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})
    ]
    """Integers, each once."""
    dataset: tuple[Dataset, ...]
    """Data sets."""
    architecture: tuple[Architecture, ...]
    """Architectures."""
    latent: Annotated[int, Field(ge=1)]
    """The number of latent dimensions."""
    method: tuple[MethodTable, ...]
    """The rows of the leaderboard."""
    metrics: tuple[Metric, ...] = ()
    """What is measured of every trained model."""
    preset: str = ""
    """Settings for what the file leaves open, by a name; what the file says itself goes before them."""
    sigma: Annotated[float, Field(ge=1e-6, le=1e6)] | None = None
    """The decoder's standard deviation in [0, 1] units, for presets that scale by it."""
    training: Training = field(default=Training())
    """How every run is trained."""
    leave_out: tuple[LeaveOutTable, ...] = ()
    """Entries of the matrix that are not run."""
    leaderboard: LeaderboardTable = LeaderboardTable()
    """How results are shown."""
    tuning: TuningTable = TuningTable()
    """How `vimae-bench tune` chooses the settings that methods search."""
    title: Annotated[str, Field(max_length=120)] = ""
    """What reports call the benchmark, where its name says too little."""
    description: Annotated[str, Field(max_length=300)] = ""
    """A sentence on its purpose, for the head of reports; unless given, the first one of the file's first comment."""
    executor: Executor = field(kw_only=True)
    """What carries out the runs."""
    reporters: tuple[Reporter, ...] = ()
    """What follows the runs."""
