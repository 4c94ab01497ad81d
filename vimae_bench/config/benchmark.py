"""A benchmark file, read and checked: all that is wrong with it is told at once, with lines and remedies."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.canonical import Json
from ..core.errors import MAX_PROBLEMS, BenchError, InvalidFileError, Problem, shorten, suggest_similar
from ..core.spec import PluginSpec, Training
from ..plugin.catalog import Catalog, get_catalog
from ..plugin.settings import SettingPath, SettingsChecker, spell
from . import groups, presets
from .file_form import get_file_form
from .toml import check_limits, make_error, read_toml
from .toml_positions import find_line

CONTROL_SEED_OFFSET = 1000
"""An A/A control of a method's seed s is trained from the seed 1000 + s."""
MAX_RUNS = 100_000


@dataclass(frozen=True)
class MethodConfig:
    """A row of the leaderboard: an objective over a prior. An A/A control `control_of` the method of another label.

    `training` is what of it is the method's own, `search` which of its settings are to be chosen among which values.
    """

    label: str
    objective: PluginSpec
    prior: PluginSpec
    control_of: str = ""
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    search: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class LeaderboardConfig:
    """The measure that sorts (empty: the first that has a direction), the columns (none: all), a sentence below."""

    rank_by: str = ""
    columns: tuple[str, ...] = ()
    provenance: str = ""


@dataclass(frozen=True)
class TuningConfig:
    """How settings are chosen: by the mean of a measure over seeds, in so many trials of each method."""

    trials: int
    measure: str
    seeds: tuple[int, ...]
    sampler: str
    seed: int
    at_once: int


@dataclass(frozen=True)
class Group:
    """A part of the matrix with settings of its own: every method on every data set with every architecture."""

    seeds: tuple[int, ...]
    datasets: tuple[PluginSpec, ...]
    architectures: tuple[PluginSpec, ...]
    latent: int
    methods: tuple[MethodConfig, ...]
    metrics: tuple[PluginSpec, ...]
    training: Training
    leave_out: tuple[Mapping[str, str], ...]
    location: groups.GroupLocation

    def locate(self, where: SettingPath) -> SettingPath:
        """Where in the file a setting of this group stands."""
        return self.location.locate(where)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark with every default filled in. `location` is the file's text."""

    name: str
    groups: tuple[Group, ...]
    leaderboard: LeaderboardConfig
    executor: PluginSpec
    reporters: tuple[PluginSpec, ...]
    tuning: TuningConfig
    path: str
    source: str

    @property
    def max_runs(self) -> int:
        """How many runs there are at most."""
        return sum(len(g.seeds) * len(g.datasets) * len(g.architectures) * len(g.methods) for g in self.groups)

    def make_error(self, found: Sequence[tuple[SettingPath, str]]) -> InvalidFileError:
        """Problems found after reading, told with the lines of this file."""
        return InvalidFileError(self.path, [Problem(spell(w), what, find_line(self.source, w)) for w, what in found])


def read_benchmark(path: Path, overrides: Sequence[str] = (), catalog: Catalog | None = None) -> Benchmark:
    """Read a benchmark file; `overrides` are of the form `training.epochs=5`, their values in TOML.

    Raises Problems with all that is wrong, BenchError if there is no such file.
    """
    text, raw = read_toml(path)
    known = catalog or get_catalog()
    for given in overrides:
        apply_override(raw, given, get_file_form(known))
    check_limits(path, text, raw)
    checker = SettingsChecker(known.get_form, [*groups.find_group_problems(raw)])
    checked = [(_checked(checker, known, *part), part[1]) for part in groups.split_groups(raw)]
    if checker.problems:
        raise make_error(path, text, checker.problems)
    made = _benchmark(checked, str(path), text)
    if found := [*dict.fromkeys(problem for group in made.groups for problem in _contradictions(group))]:
        raise made.make_error(found)
    if made.max_runs > MAX_RUNS:
        raise BenchError(f"{path}: asks for {made.max_runs:,} runs; {MAX_RUNS:,} are the most, so split it")
    return made


def _checked(checker: SettingsChecker, known: Catalog, raw: Json, source: groups.GroupLocation) -> Json:
    """One group completed with its preset and all defaults; what is wrong is told where it stands in the file."""
    if len(checker.problems) >= MAX_PROBLEMS:
        return {}
    inner = SettingsChecker(checker.plugin)
    made = inner.complete(get_file_form(known), presets.apply_preset(raw, known))
    found = [*inner.problems, *presets.find_preset_problems(raw, known)]
    checker.problems += [(source.locate(where), what) for where, what in found]
    return made


def _benchmark(checked: Sequence[tuple[Json, groups.GroupLocation]], path: str, text: str) -> Benchmark:
    whole, _ = checked[0]
    board = whole["leaderboard"]
    return Benchmark(
        name=whole["name"],
        groups=tuple(_group(*part) for part in checked),
        leaderboard=LeaderboardConfig(board["rank_by"], tuple(board["columns"]), board["provenance"]),
        executor=PluginSpec.from_json(whole["executor"]),
        reporters=_choices(whole["reporters"]),
        tuning=replace(TuningConfig(**whole["tuning"]), seeds=tuple(whole["tuning"]["seeds"])),
        path=path,
        source=text,
    )


def _group(whole: Json, source: groups.GroupLocation) -> Group:
    methods = (
        MethodConfig(
            m["label"],
            PluginSpec.from_json(m["objective"]),
            PluginSpec.from_json(m["prior"]),
            m["repeats"],
            m["training"],
            m["search"],
        )
        for m in whole["method"]
    )
    return Group(
        seeds=tuple(whole["seeds"]),
        datasets=_choices(whole["dataset"]),
        architectures=_choices(whole["architecture"]),
        latent=whole["latent"],
        methods=tuple(methods),
        metrics=_choices(whole["metrics"]),
        training=Training(**whole["training"]),
        leave_out=tuple({k: v for k, v in item.items() if v} for item in whole["leave_out"]),
        location=source,
    )


def _choices(raw: Sequence[Json]) -> tuple[PluginSpec, ...]:
    return tuple(PluginSpec.from_json(choice) for choice in raw)


def _contradictions(group: Group) -> Iterator[tuple[SettingPath, str]]:
    """What no type can say."""
    for where, what in (*_twice(group), *_repeats(group), *_left_out(group)):
        yield group.locate(where), what


def _twice(group: Group) -> Iterator[tuple[SettingPath, str]]:
    labels = [method.label for method in group.methods]
    for i, label in enumerate(labels):
        if label in labels[:i]:
            yield ("method", i, "label"), f"'{label}' is the label of an earlier method too; every row needs its own"
    axes = (("dataset", group.datasets), ("architecture", group.architectures), ("metrics", group.metrics))
    for axis, choices in axes:
        for i, choice in enumerate(choices):
            if choice in choices[:i]:
                yield (axis, i), f"'{choice.name}' is named a second time with the same settings"


def _repeats(group: Group) -> Iterator[tuple[SettingPath, str]]:
    """What is wrong with A/A controls."""
    by_label = {method.label: method for method in group.methods}
    for i, method in enumerate(group.methods):
        original = by_label.get(method.control_of)
        if not method.control_of:
            continue
        if original is None or original.control_of:
            known = [label for label, other in by_label.items() if not other.control_of]
            yield (
                ("method", i, "repeats"),
                f"no method to repeat is '{method.control_of}'{suggest_similar(method.control_of, known)}",
            )
        elif _trained(original) != _trained(method):
            yield (
                ("method", i, "repeats"),
                f"is an A/A control: it takes objective and prior from '{method.control_of}'",
            )
        elif max(group.seeds) >= CONTROL_SEED_OFFSET:
            yield ("seeds",), f"an A/A control is run from seeds of {CONTROL_SEED_OFFSET} and above; keep these below"


def _trained(method: MethodConfig) -> tuple[object, ...]:
    return method.objective, method.prior, method.training


def _left_out(group: Group) -> Iterator[tuple[SettingPath, str]]:
    known = {
        "method": [method.label for method in group.methods],
        "dataset": [d.name for d in group.datasets],
        "architecture": [a.name for a in group.architectures],
    }
    for i, item in enumerate(group.leave_out):
        if not item:
            yield ("leave_out", i), "leaves out everything; name a method, a dataset or an architecture"
        for axis, name in item.items():
            if name not in known[axis]:
                yield ("leave_out", i, axis), f"no {axis} here is '{name}'{suggest_similar(name, known[axis])}"


def apply_override(raw: Json, given: str, form: Json) -> None:
    """Change a file's tables as `training.epochs=5` says. Raises BenchError where there is no such place."""
    path, equals, value = given.partition("=")
    if not equals:
        raise BenchError(f"-o {given}: must be of the form key=value, such as training.epochs=5")
    *parents, last = path.strip().split(".")
    target: Any = raw
    try:
        for part in parents:
            target = _entered(target, part, form["fields"].get(part, {}).get("default") if target is raw else None)
        target[_key(target, last)] = _parsed(value.strip())
    except (AttributeError, LookupError, TypeError) as error:
        raise BenchError(f"-o {given}: there is no place {shorten(path)} in the file") from error


def _entered(table: Any, part: str, default: Any) -> Any:  # noqa: ANN401
    """What lies at a key, made into a table where it is a plugin's bare name or is not there yet."""
    key = _key(table, part)
    inner = table[key] if isinstance(table, list) else table.setdefault(key, deepcopy(default) or {})
    if isinstance(inner, str):
        inner = table[key] = {"use": inner}
    return inner


def _key(table: Any, part: str) -> Any:  # noqa: ANN401
    return int(part) if isinstance(table, list) and re.fullmatch("[0-9]{1,9}", part) else part


def _parsed(value: str) -> Any:  # noqa: ANN401
    try:
        return tomllib.loads(f"x = {value}")["x"]
    except (RecursionError, ValueError):
        return value  # a bare word is a string
