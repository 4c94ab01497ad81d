"""Reads and checks a benchmark file: all that is wrong with it is reported at once, with lines and remedies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.canonical import Json, is_valid_name
from ..core.errors import MAX_PROBLEMS, BenchError, InvalidFileError, Problem, shorten_text, suggest_similar
from ..core.margins import GivenMargin
from ..core.spec import LABELS, PluginSpec, Training, label_twins
from ..plugin.catalog import Catalog, get_catalog
from ..plugin.registry import find_changed_settings
from ..plugin.settings import SettingPath, SettingsChecker, format_path
from .file_form import get_file_form
from .groups import GroupLocation, find_group_problems, split_groups
from .presets import apply_preset, find_preset_problems
from .toml import check_limits, make_error, parse_value, read_toml
from .toml_positions import find_line

CONTROL_SEED_OFFSET = 1000
"""An A/A control of a method's seed s is trained from the seed 1000 + s."""
MAX_RUNS = 100_000
LABELLED = ("dataset", "architecture")
"""The keys whose plugins may have a label, as methods have."""


@dataclass(frozen=True)
class MethodConfig:
    """A row of the leaderboard: an objective over a prior, or an A/A control of the method with another label.

    `training` holds the method's own settings of the training, `search` the values among which settings are chosen.
    """

    label: str
    objective: PluginSpec
    prior: PluginSpec
    control_of: str = ""
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    search: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class LeaderboardConfig:
    """How results are shown.

    The measure that sorts (empty: the first that has a direction), the columns (none: all), a closing sentence, and
    margins of equivalence by measure, as they are written.
    """

    rank_by: str = ""
    columns: tuple[str, ...] = ()
    provenance: str = ""
    margins: Mapping[str, GivenMargin] = field(default_factory=dict[str, GivenMargin])


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
    location: GroupLocation

    def locate(self, where: SettingPath) -> SettingPath:
        """Where in the file a setting of this group is."""
        return self.location.locate(where)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark with every default filled in. `source` is the text of the file."""

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
        """The number of runs, those that are left out included."""
        return sum(len(g.seeds) * len(g.datasets) * len(g.architectures) * len(g.methods) for g in self.groups)

    def make_error(self, problems: Sequence[tuple[SettingPath, str]]) -> InvalidFileError:
        """The error for problems found after reading, with the lines of this file."""
        located = [Problem(format_path(where), what, find_line(self.source, where)) for where, what in problems]
        return InvalidFileError(self.path, located)


def read_benchmark(path: Path, overrides: Sequence[str] = (), catalog: Catalog | None = None) -> Benchmark:
    """Read a benchmark file; `overrides` are of the form `training.epochs=5`, their values in TOML.

    Raises InvalidFileError with all that is wrong, BenchError if there is no such file.
    """
    text, raw = read_toml(path)
    catalog = catalog or get_catalog()
    for override in overrides:
        apply_override(raw, override, get_file_form(catalog))
    check_limits(path, text, raw)
    checker = SettingsChecker(catalog.get_form, [*find_group_problems(raw)])
    groups = [(_complete_group(checker, catalog, *part), part[1]) for part in split_groups(raw)]
    if checker.problems:
        raise make_error(path, text, checker.problems)
    benchmark = _make_benchmark(groups, catalog, str(path), text)
    if problems := [*dict.fromkeys(problem for group in benchmark.groups for problem in _find_contradictions(group))]:
        raise benchmark.make_error(problems)
    if benchmark.max_runs > MAX_RUNS:
        raise BenchError(f"{path}: asks for {benchmark.max_runs:,} runs; {MAX_RUNS:,} are the most, so split it")
    return benchmark


def _complete_group(checker: SettingsChecker, catalog: Catalog, raw: Json, location: GroupLocation) -> Json:
    """One group completed with its preset and all defaults; problems are reported where they are in the file."""
    if len(checker.problems) >= MAX_PROBLEMS:
        return {}
    inner = SettingsChecker(checker.find_form)
    unlabelled, labels, problems = _take_labels(apply_preset(raw, catalog), catalog)
    completed = inner.complete(get_file_form(catalog), unlabelled)
    problems += [*inner.problems, *find_preset_problems(raw, catalog)]
    checker.problems += [(location.locate(where), what) for where, what in problems]
    return {**completed, LABELS: labels}


def _take_labels(raw: Json, catalog: Catalog) -> tuple[Json, dict[str, list[str]], list[tuple[SettingPath, str]]]:
    """A group without the labels of its data sets and architectures, these in order, and what is wrong with them."""
    problems, labels = list[tuple[SettingPath, str]](), dict[str, list[str]]()
    for axis in LABELLED:
        given: Any = raw.get(axis, [])
        items: list[Any] = given if isinstance(given, list) else [given]
        labels[axis] = found = list[str]()
        for i, item in enumerate(items):
            is_own = not isinstance(item, dict) or _has_setting(catalog, axis, item.get("use"), "label")
            label: Any = "" if is_own else item.get("label", "")
            if not isinstance(label, str) or (label and not is_valid_name(label)):
                problems.append(((axis, i, "label"), f"must be a short text, not {shorten_text(label)}"))
                label = ""
            elif label and label in found:
                problems.append(((axis, i, "label"), f"'{label}' is the label of an earlier {axis} too"))
            found.append(label)
        bare = [_drop_label(item) if label else item for item, label in zip(items, found, strict=True)]
        raw = {**raw, axis: bare} if axis in raw else raw
    return raw, labels, problems


def _make_benchmark(groups: Sequence[tuple[Json, GroupLocation]], catalog: Catalog, path: str, text: str) -> Benchmark:
    first, _ = groups[0]
    leaderboard, tuning = first["leaderboard"], first["tuning"]
    return Benchmark(
        name=first["name"],
        groups=tuple(_make_group(*group, catalog) for group in groups),
        leaderboard=LeaderboardConfig(**leaderboard | {"columns": tuple(leaderboard["columns"])}),
        executor=PluginSpec.from_json(first["executor"]),
        reporters=_make_specs(first["reporters"]),
        tuning=replace(TuningConfig(**tuning), seeds=tuple(tuning["seeds"])),
        path=path,
        source=text,
    )


def _make_group(completed: Json, location: GroupLocation, catalog: Catalog) -> Group:
    methods = (
        MethodConfig(
            method["label"],
            PluginSpec.from_json(method["objective"]),
            PluginSpec.from_json(method["prior"]),
            method["repeats"],
            method["training"],
            method["search"],
        )
        for method in completed["method"]
    )
    metrics = _make_specs(completed["metrics"])
    return Group(
        seeds=tuple(completed["seeds"]),
        datasets=_label_specs(_make_specs(completed["dataset"]), completed[LABELS]["dataset"]),
        architectures=_label_specs(_make_specs(completed["architecture"]), completed[LABELS]["architecture"]),
        latent=completed["latent"],
        methods=tuple(methods),
        metrics=tuple(replace(m, changed=find_changed_settings("metric", m, catalog)) for m in metrics),
        training=Training(**completed["training"]),
        leave_out=tuple({k: v for k, v in item.items() if v} for item in completed["leave_out"]),
        location=location,
    )


def _make_specs(raw: Sequence[Json]) -> tuple[PluginSpec, ...]:
    return tuple(PluginSpec.from_json(spec) for spec in raw)


def _drop_label(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "label"}


def _has_setting(catalog: Catalog, kind: str, name: object, setting: str) -> bool:
    """Whether a plugin has a setting of this name itself."""
    try:
        return setting in catalog.get_entry(kind, str(name)).form["fields"]
    except LookupError:
        return False


def _label_specs(specs: Sequence[PluginSpec], labels: Sequence[str]) -> tuple[PluginSpec, ...]:
    """The specs under their labels; several of the same plugin are distinguished by their settings."""
    given = [replace(spec, label=label) for spec, label in zip(specs, [*labels, *[""] * len(specs)], strict=False)]
    return tuple(label_twins(given))


def _find_contradictions(group: Group) -> Iterator[tuple[SettingPath, str]]:
    """What no type can express."""
    problems = (*_find_duplicates(group), *_find_control_problems(group), *_find_exclusion_problems(group))
    for where, what in problems:
        yield group.locate(where), what


def _find_duplicates(group: Group) -> Iterator[tuple[SettingPath, str]]:
    labels = [method.label for method in group.methods]
    for i, label in enumerate(labels):
        if label in labels[:i]:
            yield ("method", i, "label"), f"'{label}' is the label of an earlier method too; every row needs its own"
    axes = (("dataset", group.datasets), ("architecture", group.architectures), ("metrics", group.metrics))
    for axis, specs in axes:
        for i, spec in enumerate(specs):
            if spec in specs[:i]:
                yield (axis, i), f"'{spec.name}' is named a second time with the same settings"


def _find_control_problems(group: Group) -> Iterator[tuple[SettingPath, str]]:
    """What is wrong with A/A controls."""
    by_label = {method.label: method for method in group.methods}
    originals = [label for label, method in by_label.items() if not method.control_of]
    for i, method in enumerate(group.methods):
        if not method.control_of:
            continue
        where, original = ("method", i, "repeats"), by_label.get(method.control_of)
        if original is None or original.control_of:
            hint = suggest_similar(method.control_of, originals)
            yield where, f"no method to repeat is '{method.control_of}'{hint}"
        elif not _has_same_training(original, method):
            yield where, f"is an A/A control: it takes objective and prior from '{method.control_of}'"
        elif max(group.seeds) >= CONTROL_SEED_OFFSET:
            yield ("seeds",), f"an A/A control is run from seeds of {CONTROL_SEED_OFFSET} and above; keep these below"


def _has_same_training(a: MethodConfig, b: MethodConfig) -> bool:
    return (a.objective, a.prior, a.training) == (b.objective, b.prior, b.training)


def _find_exclusion_problems(group: Group) -> Iterator[tuple[SettingPath, str]]:
    """What is wrong with `leave_out`."""
    known = {
        "method": [method.label for method in group.methods],
        "dataset": [name for spec in group.datasets for name in dict.fromkeys((spec.title, spec.name))],
        "architecture": [name for spec in group.architectures for name in dict.fromkeys((spec.title, spec.name))],
    }
    for i, item in enumerate(group.leave_out):
        if not item:
            yield ("leave_out", i), "leaves out everything; name a method, a dataset or an architecture"
        for axis, name in item.items():
            if name not in known[axis]:
                yield ("leave_out", i, axis), f"no {axis} here is '{name}'{suggest_similar(name, known[axis])}"


def apply_override(raw: Json, override: str, form: Json) -> None:
    """Change a file's tables as `training.epochs=5` says. Raises BenchError if there is no such place."""
    path, equals, value = override.partition("=")
    if not equals:
        raise BenchError(f"-o {override}: must be of the form key=value, such as training.epochs=5")
    if "\n" in override:
        raise BenchError(f"-o {override}: has more than one line; give each setting an -o of its own")
    *parents, last = path.strip().split(".")
    target: Any = raw
    try:
        for part in parents:
            default = form["fields"].get(part, {}).get("default") if target is raw else None
            target = _open_table(target, part, default)
        target[_parse_key(target, last)] = parse_value(value.strip())
    except (AttributeError, LookupError, TypeError) as error:
        raise BenchError(f"-o {override}: there is no place {shorten_text(path)} in the file") from error


def override_leaderboard(shown: Json, overrides: Sequence[str], results: Path) -> Json:
    """How results are shown, a table of a benchmark file's form, changed as `leaderboard.rank_by=sse` says.

    Raises BenchError for a setting of how they are made, which cannot change in a results folder any more.
    """
    form, raw = get_file_form(get_catalog()), {"leaderboard": shown}
    for override in overrides:
        if override.partition("=")[0].partition(".")[0].strip() != "leaderboard":
            raise BenchError(
                f"-o {override}: {results} holds what was run; only settings of the leaderboard can be changed there, "
                "such as leaderboard.rank_by=sse. For others, name the benchmark file in its place"
            )
        apply_override(raw, override, form)
    checker = SettingsChecker(get_catalog().get_form)
    completed = checker.complete(form["fields"]["leaderboard"], raw["leaderboard"], ("leaderboard",))
    if checker.problems:
        raise InvalidFileError("-o", [Problem(format_path(where), what) for where, what in checker.problems])
    return completed


def _open_table(table: Any, part: str, default: Any) -> Any:  # noqa: ANN401
    """What is at a key, made into a table if it is the bare name of a plugin, or missing."""
    key = _parse_key(table, part)
    inner = table[key] if isinstance(table, list) else table.setdefault(key, deepcopy(default) or {})
    if isinstance(inner, str):
        inner = table[key] = {"use": inner}
    return inner


def _parse_key(table: Any, part: str) -> Any:  # noqa: ANN401
    return int(part) if isinstance(table, list) and re.fullmatch("[0-9]{1,9}", part) else part
