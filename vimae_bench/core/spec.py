"""What is to be run, as plain data that crosses files and processes.

Everything here is frozen and consists of JSON values. Plugins are created from it where they are used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, cast

from annotated_types import Ge, Gt, Le, Lt

from .canonical import Json, check_type, fingerprint, is_valid_name

Sampling = Literal["permutation", "choice"]
Precision = Literal["float32", "bfloat16"]
EXACT_CONFLICT = "--exact is for float32, and training.precision is bfloat16; leave one of them out"
MAX_PATH_PARTS = 8
"""Parts of a path that a label has at most."""
MAX_EPOCHS, MAX_STEPS, MAX_BATCH, MAX_THREADS = 1_000_000, 1_000_000, 1_000_000, 1024
"""More of these in a benchmark file are taken for mistakes."""
LABELS = "labels"
"""The key of what `collect_labels` gives, in files."""
CHANGED_SETTINGS = "changed_settings"
"""The key of what `collect_changed_settings` gives, in files."""


@dataclass(frozen=True)
class PluginSpec:
    """A plugin by name, with all its settings filled in and the version its author gives its arithmetic.

    A setting that is itself a plugin (the divergence of `vimae`) is a mapping in the form of `as_json`.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    version: int = 1
    options: Mapping[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)
    """More arguments of the plugin, which are not part of its identity: where a file is, for example."""
    changed: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The settings that are not at their default, or have none; None where that is not known."""
    label: str = field(default="", compare=False, repr=False)
    """What a data set or an architecture is called, where that is not its name. It is no part of its identity."""

    @property
    def title(self) -> str:
        """What readers see as its name."""
        return self.label or self.name

    def as_json(self) -> Json:
        return {"use": self.name, "version": self.version, **self.settings}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "PluginSpec":
        """Raises ValueError for an invalid name, and KeyError where something is missing."""
        if not is_valid_name(raw["use"]):
            raise ValueError(f"no plugin can be called {raw['use']!r}")
        rest = {k: v for k, v in raw.items() if k not in ("use", "version")}
        return cls(raw["use"], rest, int(raw.get("version", 1)))

    @cached_property
    def key(self) -> str:
        """The identity of the plugin with its settings: `<name>-<hash>`."""
        return f"{self.name}-{fingerprint(self.as_json())[:8]}"


def label_twins(specs: Sequence[PluginSpec]) -> list[PluginSpec]:
    """The specs, with a label for each that is one of several of the same plugin and has none.

    It is the name with the settings in which they differ, of paths no more than it takes to tell them apart.
    """
    return [spec if spec.label else replace(spec, label=_make_label(spec, specs)) for spec in specs]


def _make_label(spec: PluginSpec, specs: Sequence[PluginSpec]) -> str:
    twins = list({other.key: other for other in specs if other.name == spec.name}.values())
    if len(twins) < 2:
        return ""
    for parts in range(1, MAX_PATH_PARTS):
        shortened = [_shorten_paths(twin, parts) for twin in twins]
        pairs = zip(twins, shortened, strict=True)
        suffixes = {twin.key: disambiguating_suffix(short, shortened) for twin, short in pairs}
        if len({*suffixes.values()}) == len(twins):
            return spec.name + suffixes[spec.key]
    return spec.name + disambiguating_suffix(spec, twins)


def _shorten_paths(spec: PluginSpec, parts: int) -> PluginSpec:
    """The spec with the last `parts` of each path among its settings."""
    return replace(spec, settings={name: _shorten_path(value, parts) for name, value in spec.settings.items()})


def _shorten_path(value: object, parts: int) -> object:
    if isinstance(value, str) and "/" in value:
        return "/".join(PurePosixPath(value).parts[-parts:])
    return value


def disambiguating_suffix(spec: PluginSpec, specs: Sequence[PluginSpec]) -> str:
    """What the name of a plugin ends in where others of the `specs` are of the same plugin, such as ` labels=100`.

    It has the settings that are not at their default, so that it does not depend on which others these are. Where that
    is not known of all of them, it has those in which they differ.
    """
    twins = [other for other in specs if other.name == spec.name]
    if len(twins) < 2:
        return ""
    if spec.changed is not None and all(twin.changed is not None for twin in twins):
        return _format_settings(spec.changed)
    differing = {k: v for k, v in spec.settings.items() if any(twin.settings.get(k) != v for twin in twins)}
    return _format_settings(differing)


def _format_settings(settings: Mapping[str, Any]) -> str:
    return "".join(f" {name}={_format_setting(value)}" for name, value in settings.items())


def _format_setting(value: Any) -> str:  # noqa: ANN401
    """A value, lists without quotes and brackets, such as `clean,mask_0.5`."""
    if isinstance(value, list | tuple):
        return ",".join(map(_format_setting, cast("Sequence[Any]", value)))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def collect_changed_settings(specs: Iterable[PluginSpec]) -> Json:
    """The settings that are not at their default, by the keys of the plugins of which they are known."""
    return {spec.key: dict(spec.changed) for spec in specs if spec.changed is not None}


def collect_labels(specs: Iterable[PluginSpec]) -> dict[str, str]:
    """The labels of data sets and architectures that have one, by their keys."""
    return {spec.key: spec.label for spec in specs if spec.label}


@dataclass(frozen=True)
class SpecReader:
    """Reads plugin specs from JSON, one object for those that are equal, so that thousands of runs share their keys.

    `changed` has the form of `collect_changed_settings`, `labels` that of `collect_labels`.
    """

    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    _specs: dict[str, PluginSpec] = field(default_factory=dict[str, PluginSpec])

    def __post_init__(self) -> None:
        """Raises TypeError for changed settings of another form."""
        check_type("changed_settings", self.changed, dict)
        for key, settings in self.changed.items():
            check_type(f"changed_settings of {key}", settings, dict)
        check_type("labels", self.labels, dict)
        for key, label in self.labels.items():
            check_type(f"the label of {key}", label, str)

    def read_spec(self, raw: Json) -> PluginSpec:
        """Raises ValueError for an invalid name, and KeyError where something is missing."""
        if (text := str(raw)) not in self._specs:
            spec = PluginSpec.from_json(raw)
            self._specs[text] = replace(spec, changed=self.changed.get(spec.key), label=self.labels.get(spec.key, ""))
        return self._specs[text]


@dataclass(frozen=True)
class Training:
    """How a run is trained. All of it is part of the run's identity.

    `schedule` is how the learning rate falls: not at all, or as a schedule that a plugin defines. `sampling` draws
    batches as a permutation of each epoch, or each by itself. `pretraining` is how many steps at most match the codes'
    moments to the prior's before the first epoch.
    """

    epochs: Annotated[int, Ge(1), Le(MAX_EPOCHS)] = 80
    """Passes over the training images."""
    batch: Annotated[int, Ge(2), Le(MAX_BATCH)] = 100
    """Images in a batch; the incomplete last one is dropped."""
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    """Adam's."""
    adam_beta1: Annotated[float, Ge(0), Lt(1)] = 0.5
    adam_beta2: Annotated[float, Ge(0), Lt(1)] = 0.999
    threads: Annotated[int, Ge(1), Le(MAX_THREADS)] = 1
    """Processor threads of one run."""
    schedule: str = "constant"
    """How the learning rate falls."""
    sampling: Sampling = "permutation"
    """A permutation of the images in each epoch, or each batch drawn by itself."""
    pretraining: Annotated[int, Ge(0), Le(MAX_STEPS)] = 0
    """Steps at most in which the encoder learns the prior's mean and covariance, before the first epoch."""
    pretraining_batch: Annotated[int, Ge(2), Le(MAX_BATCH)] = 1000
    """Images in a batch of these steps."""
    precision: Precision = "float32"
    """Of the matrix products and convolutions of encoder and decoder; all else is float32."""

    def as_json(self) -> Json:
        """What was added later is left out at its default, so that older runs keep their identity."""
        later = {"schedule", "sampling", "pretraining", "pretraining_batch", "precision"}
        return {k: v for k, v in vars(self).items() if k not in later or v != getattr(Training, k)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Training":
        """Raises TypeError for values of other kinds."""
        return _parse_training(**raw)


@lru_cache(maxsize=64, typed=True)
def _parse_training(**raw: Any) -> Training:  # noqa: ANN401
    """One object for all runs that are trained alike. Raises TypeError for values of other kinds."""
    for name, value in vars(training := Training(**raw)).items():
        check_type(name, value, type(getattr(Training, name)))
    return training


@dataclass(frozen=True)
class Run:
    """One training: an objective over a prior, on a data set, with an architecture, from a seed."""

    dataset: PluginSpec
    architecture: PluginSpec
    objective: PluginSpec
    prior: PluginSpec
    latent: int
    training: Training
    seed: int

    def as_json(self) -> Json:
        parts = {name: getattr(self, name).as_json() for name in ("dataset", "architecture", "objective", "prior")}
        return {**parts, "latent": self.latent, "training": self.training.as_json(), "seed": self.seed}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], choice: Callable[[Json], PluginSpec] = PluginSpec.from_json) -> "Run":
        """Raises TypeError or ValueError for invalid values, and KeyError where something is missing."""
        parts = {name: choice(raw[name]) for name in ("dataset", "architecture", "objective", "prior")}
        for name in ("latent", "seed"):
            check_type(name, raw[name], int)
        return cls(**parts, latent=raw["latent"], training=Training.from_json(raw["training"]), seed=raw["seed"])

    @cached_property
    def key(self) -> str:
        """The run's identity: a hash of all that decides its result, defaults and versions included."""
        return fingerprint(self.as_json())

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return f"{self.objective.name}-{self.dataset.name}-{self.architecture.name}-s{self.seed}-{self.key}"


@dataclass(frozen=True)
class MatrixEntry:
    """One place in a benchmark's matrix: a run under the label of its method, with the metrics wanted of it.

    An A/A control names the label of the method that it repeats as `control_of`, and its runs are compared under the
    `paired_seed`. `table_training` is the training of the run's table, if the method has a training of its own.
    """

    label: str
    run: Run
    metrics: tuple[PluginSpec, ...]
    paired_seed: int | None = None
    control_of: str = ""
    table_training: Training | None = None

    def as_json(self) -> Json:
        row: Json = {"label": self.label, "run": self.run.as_json(), "metrics": [m.as_json() for m in self.metrics]}
        row |= {"shared": self.table_training.as_json()} if self.table_training else {}
        return row | ({"pair": self.paired_seed, "repeats": self.control_of} if self.control_of else {})

    @classmethod
    def from_json(
        cls, raw: Mapping[str, Any], choice: Callable[[Json], PluginSpec] = PluginSpec.from_json
    ) -> "MatrixEntry":
        """Raises TypeError or ValueError for invalid values, and KeyError where something is missing."""
        run, metrics = Run.from_json(raw["run"], choice), tuple(map(choice, raw["metrics"]))
        shared = Training.from_json(raw["shared"]) if "shared" in raw else None
        entry = cls(raw["label"], run, metrics, raw.get("pair"), raw.get("repeats", ""), shared)
        check_type("label", entry.label, str)
        check_type("repeats", entry.control_of, str)
        if entry.paired_seed is not None:
            check_type("pair", entry.paired_seed, int)
        return entry

    @property
    def seed(self) -> int:
        """The seed by which the run is compared with those of other methods."""
        return self.run.seed if self.paired_seed is None else self.paired_seed

    @property
    def table_run(self) -> Run:
        """A run as most of those in the same table are."""
        return replace(self.run, training=self.table_training) if self.table_training else self.run
