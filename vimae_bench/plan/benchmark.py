"""A benchmark file, read and checked: all that is wrong with it is told at once, with lines and remedies."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BenchError, Problem, Problems, did_you_mean
from ..records import Choice, Json, Training
from .catalogue import Catalogue, installed
from .lines import line_of
from .settings import Checker, Where, spell


@dataclass(frozen=True)
class Method:
    """A row of the leaderboard: an objective over a prior."""

    label: str
    objective: Choice
    prior: Choice


@dataclass(frozen=True)
class Leaderboard:
    """The measure that sorts (empty: the first that has a direction) and the columns (none: all)."""

    rank_by: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """A benchmark with every default filled in. `source` is the file's text."""

    name: str
    seeds: tuple[int, ...]
    datasets: tuple[Choice, ...]
    architectures: tuple[Choice, ...]
    latent: int
    methods: tuple[Method, ...]
    metrics: tuple[Choice, ...]
    training: Training
    leave_out: tuple[Mapping[str, str], ...]
    leaderboard: Leaderboard
    executor: Choice
    reporters: tuple[Choice, ...]
    path: str
    source: str

    def problems(self, found: Sequence[tuple[Where, str]]) -> Problems:
        """Problems found after reading, told with the lines of this file."""
        return Problems(self.path, [Problem(spell(w), what, line_of(self.source, w)) for w, what in found])


def read(path: Path, overrides: Sequence[str] = (), catalogue: Catalogue | None = None) -> Benchmark:
    """Read a benchmark file; `overrides` are of the form `training.epochs=5`, their values in TOML.

    Raises Problems with all that is wrong, BenchError if there is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: is not a text file in UTF-8") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Problems(str(path), [Problem("", f"is not TOML: {error}")]) from error
    known = catalogue or installed()
    for override in overrides:
        _apply(raw, override, known.file)
    checker = Checker(known.form)
    whole = checker.check(known.file, raw)
    if checker.problems:
        raise Problems(str(path), list(checker.located(lambda where: line_of(text, where))))
    made = _benchmark(whole, str(path), text)
    if found := list(_contradictions(made)):
        raise made.problems(found)
    return made


def _benchmark(whole: Json, path: str, text: str) -> Benchmark:
    def choices(name: str) -> tuple[Choice, ...]:
        return tuple(Choice.from_json(raw) for raw in whole[name])

    methods = (
        Method(m["label"], Choice.from_json(m["objective"]), Choice.from_json(m["prior"])) for m in whole["method"]
    )
    board = whole["leaderboard"]
    return Benchmark(
        name=whole["name"],
        seeds=tuple(whole["seeds"]),
        datasets=choices("dataset"),
        architectures=choices("architecture"),
        latent=whole["latent"],
        methods=tuple(methods),
        metrics=choices("metrics"),
        training=Training(**whole["training"]),
        leave_out=tuple({k: v for k, v in item.items() if v} for item in whole["leave_out"]),
        leaderboard=Leaderboard(board["rank_by"], tuple(board["columns"])),
        executor=Choice.from_json(whole["executor"]),
        reporters=choices("reporters"),
        path=path,
        source=text,
    )


def _contradictions(made: Benchmark) -> Iterator[tuple[Where, str]]:
    """What no type can say."""
    labels = [method.label for method in made.methods]
    for i, label in enumerate(labels):
        if label in labels[:i]:
            yield ("method", i, "label"), f"'{label}' is the label of an earlier method too; every row needs its own"
    for axis, choices in (("dataset", made.datasets), ("architecture", made.architectures), ("metrics", made.metrics)):
        for i, choice in enumerate(choices):
            if choice in choices[:i]:
                yield (axis, i), f"'{choice.use}' is named a second time with the same settings"
    known = {
        "method": labels,
        "dataset": [d.use for d in made.datasets],
        "architecture": [a.use for a in made.architectures],
    }
    for i, item in enumerate(made.leave_out):
        if not item:
            yield ("leave_out", i), "leaves out everything; name a method, a dataset or an architecture"
        for axis, name in item.items():
            if name not in known[axis]:
                yield ("leave_out", i, axis), f"no {axis} here is '{name}'{did_you_mean(name, known[axis])}"


def _apply(raw: Json, override: str, form: Json) -> None:
    path, equals, value = override.partition("=")
    if not equals:
        raise BenchError(f"-o {override}: must be of the form key=value, such as training.epochs=5")
    *parents, last = (int(part) if part.isdigit() else part for part in path.strip().split("."))
    target: Any = raw
    try:
        for part in parents:
            target = _entered(target, part, form["fields"].get(part, {}).get("default") if target is raw else None)
        target[last] = _parsed(value.strip())
    except (LookupError, TypeError) as error:
        raise BenchError(f"-o {override}: there is no place '{path}' in the file") from error


def _entered(table: Any, key: int | str, default: Any) -> Any:  # noqa: ANN401
    """What lies at a key, made into a table where it is a plugin's bare name or is not there yet."""
    inner = table[key] if isinstance(key, int) else table.setdefault(key, default or {})
    if isinstance(inner, str):
        inner = table[key] = {"use": inner}
    return inner


def _parsed(value: str) -> Any:  # noqa: ANN401
    try:
        return tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        return value  # a bare word is a string
