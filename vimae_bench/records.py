"""Plain data that crosses files and processes: what is to be run, and what came of it.

Everything here is frozen and made of JSON values. Objects are made from these names where they are used.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

Json = dict[str, Any]
Direction = Literal["lower", "higher"]
Status = Literal["done", "diverged", "failed"]
Compile = Literal["auto", "always", "never"]
Schedule = Literal["constant", "wae_steps", "wae_smooth"]
Sampling = Literal["permutation", "choice"]

LARGEST = 1e100
"""Beyond this a number is as good as none."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(value: object) -> str:
    """JSON in one spelling: sorted keys, no spaces, ASCII, no NaN. Raises ValueError for NaN and infinities."""
    return _CANONICAL.encode(value)


def is_number(value: object) -> bool:
    """Whether a value is a number of which sums and squares are numbers too."""
    return (type(value) is float or type(value) is int) and -LARGEST <= value <= LARGEST


def is_name(text: object) -> bool:
    """Whether a text can be a part of a file's name: printable, short, and no path."""
    return isinstance(text, str) and 0 < len(text) <= 64 and text.isprintable() and "/" not in text and text[0] != "."


def fingerprint(value: object) -> str:
    """The first twelve hexadecimal digits of the sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:12]


def expect(name: str, value: object, kind: type) -> None:
    """Raises TypeError for a value that is not of a kind; a whole number stands for a `float` too."""
    if not (is_number(value) if kind is float else type(value) is kind):
        raise TypeError(f"{name} is {value!r}")


@dataclass(frozen=True)
class Choice:
    """A plugin by name, with all its settings filled in and the version its author gives its arithmetic.

    A setting that is itself a plugin (the divergence of `vimae`) is a mapping in the form of `as_json`.
    """

    use: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    version: int = 1

    def as_json(self) -> Json:
        return {"use": self.use, "version": self.version, **self.settings}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Choice":
        """Raises ValueError for a name that is none, and as the mapping does where something is not there."""
        if not is_name(raw["use"]):
            raise ValueError(f"no plugin can be called {raw['use']!r}")
        rest = {k: v for k, v in raw.items() if k not in ("use", "version")}
        return cls(raw["use"], rest, int(raw.get("version", 1)))

    @cached_property
    def key(self) -> str:
        """The choice's identity: `<name>-<hash>`."""
        return f"{self.use}-{fingerprint(self.as_json())[:8]}"


@dataclass(frozen=True)
class Training:
    """How a run is trained. All of it is part of the run's identity.

    `schedule` is how the learning rate falls: not at all, or as in one of the two configurations of the WAE code
    (`engine/schedule.py`). `sampling` draws batches as a permutation of each epoch, or each by itself as that code
    does. `pretraining` is how many steps at most match the codes' moments to the prior's before the first epoch.
    """

    epochs: Annotated[int, Ge(1)] = 80
    batch: Annotated[int, Ge(2)] = 100
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    adam_beta1: Annotated[float, Ge(0), Lt(1)] = 0.5
    adam_beta2: Annotated[float, Ge(0), Lt(1)] = 0.999
    threads: Annotated[int, Ge(1)] = 1
    schedule: Schedule = "constant"
    sampling: Sampling = "permutation"
    pretraining: Annotated[int, Ge(0)] = 0
    pretraining_batch: Annotated[int, Ge(2)] = 1000

    def as_json(self) -> Json:
        """What was added later is left out at its default, so that older runs keep their identity."""
        later = {"schedule", "sampling", "pretraining", "pretraining_batch"}
        return {k: v for k, v in vars(self).items() if k not in later or v != getattr(Training, k)}


@lru_cache(maxsize=64, typed=True)
def _training(**raw: Any) -> Training:  # noqa: ANN401
    """One object for all runs that are trained alike. Raises TypeError for values of other kinds."""
    for name, value in vars(training := Training(**raw)).items():
        expect(name, value, type(getattr(Training, name)))
    return training


@dataclass(frozen=True)
class Run:
    """One training: an objective over a prior, on a data set, with an architecture, from a seed."""

    dataset: Choice
    architecture: Choice
    objective: Choice
    prior: Choice
    latent: int
    training: Training
    seed: int

    def as_json(self) -> Json:
        parts = {name: getattr(self, name).as_json() for name in ("dataset", "architecture", "objective", "prior")}
        return {**parts, "latent": self.latent, "training": self.training.as_json(), "seed": self.seed}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], choice: Callable[[Json], Choice] = Choice.from_json) -> "Run":
        """Raises TypeError or ValueError for what is none, and as the mapping does where something is not there."""
        parts = {name: choice(raw[name]) for name in ("dataset", "architecture", "objective", "prior")}
        for name in ("latent", "seed"):
            expect(name, raw[name], int)
        return cls(**parts, latent=raw["latent"], training=_training(**raw["training"]), seed=raw["seed"])

    @cached_property
    def key(self) -> str:
        """The run's identity: a hash of all that decides its result, defaults and versions included."""
        return fingerprint(self.as_json())

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return f"{self.objective.use}-{self.dataset.use}-{self.architecture.use}-s{self.seed}-{self.key}"


@dataclass(frozen=True)
class Cell:
    """One place in a benchmark's matrix: a run under the label of its method, with the metrics wanted of it.

    The runs of an A/A control, which `repeats` the method of another label, stand under the `seed` they are paired by.
    """

    label: str
    run: Run
    metrics: tuple[Choice, ...]
    pair: int | None = None
    repeats: str = ""

    def as_json(self) -> Json:
        row: Json = {"label": self.label, "run": self.run.as_json(), "metrics": [m.as_json() for m in self.metrics]}
        return row | ({"pair": self.pair, "repeats": self.repeats} if self.repeats else {})

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], choice: Callable[[Json], Choice] = Choice.from_json) -> "Cell":
        """Raises TypeError or ValueError for what is none, and as the mapping does where something is not there."""
        run, metrics = Run.from_json(raw["run"], choice), tuple(map(choice, raw["metrics"]))
        cell = cls(raw["label"], run, metrics, raw.get("pair"), raw.get("repeats", ""))
        expect("label", cell.label, str)
        expect("repeats", cell.repeats, str)
        if cell.pair is not None:
            expect("pair", cell.pair, int)
        return cell

    @property
    def seed(self) -> int:
        """The seed by which the run is compared with those of other methods."""
        return self.run.seed if self.pair is None else self.pair


@dataclass(frozen=True)
class Means:
    """How a run is computed, which is no part of what it is: its result is the same up to rounding.

    `exact` keeps to float32 where a GPU would multiply in bfloat16 or TensorFloat-32. Steps are compiled where that
    pays (`auto`), `always` or `never`. `batch_seeds` trains the seeds of a method as one batched model, with other
    noise than each alone.
    """

    exact: bool = False
    compile: Compile = "auto"
    batch_seeds: bool = False


@dataclass(frozen=True)
class Order:
    """What a worker is told: which run, where its folder is, where the data are, on which device, by what means.

    `seeds` are orders that differ from this one in the seed alone, to be trained with it as one batched model.
    `sharing` is the most runs that the device may have at a time, this one included: seconds compare only at 1.
    """

    benchmark: str
    cell: Cell
    folder: Path
    data: Path
    device: str = "cpu"
    sharing: int = 1
    means: Means = Means()
    seeds: tuple["Order", ...] = ()


@dataclass(frozen=True)
class Event:
    """What an executor tells while it works. `tick` carries no order: time has passed, files may have grown.

    Of a run that ended with the code LEFT reporters hear that it is `left`, to be taken up again or by others; of one
    that others finished they hear that it has `ended` without having been started.

    `reason` says why the executor ended a run itself; it is empty for a run that came to its own end. A `note` carries
    no order either: its `reason` is a line for the user, such as how many runs go side by side and why.
    """

    kind: Literal["started", "ended", "left", "tick", "note"]
    order: Order | None = None
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Measure:
    """One number a metric gives: its name, unit, which way is better (None: neither) and definition version.

    A run whose value is below `collapse_below` ignores its data, and is flagged as collapsed. A measure that such a
    run wins by ignoring the data says `ranks_collapsed=False`, and leaves it out of its ranking.
    """

    name: str
    unit: str
    better: Direction | None
    version: int = 1
    collapse_below: float | None = None
    ranks_collapsed: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its standard error within one trained model and the number of items behind it.

    `parts` are the values over each draw behind it (of labels, episodes, noise), in one order for all runs: draws that
    all runs share, so that a comparison can tell what differs between models from what differs between draws.
    """

    value: float
    n: int
    se: float | None = None
    parts: tuple[float, ...] = ()
