"""The published tables and claims of a paper, read from TOML. All errors in a file are reported together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from annotated_types import Ge, Gt, MinLen

from ..config.toml import make_error, read_toml
from ..config.toml_positions import find_line
from ..core.canonical import Json
from ..core.errors import InvalidFileError, Problem, suggest_similar
from ..plugin.settings import SettingPath, SettingsChecker, describe_settings, format_path
from .papers import CLOSED_FORMS

DEFAULT_PAPER = "vimae.toml"
"""The VIMAE paper (1905.10549), in the folder `papers`."""

Scalar = str | bool | int | float
NonEmptyText = Annotated[str, MinLen(1)]
ClaimTestKind = Literal["less", "greater", "order", "equivalent", "ratio", "computed", "untestable"]
REQUIRED_KEYS = {
    "less": ("a", "setups", "measures"),
    "greater": ("a", "setups", "measures"),
    "order": ("groups", "setups", "measures"),
    "equivalent": ("a", "b", "setups", "measures", "margin"),
    "ratio": ("a", "b", "setups", "measures", "bounds"),
    "computed": ("formula",),
    "untestable": ("why",),
}
"""The keys that a test of each kind must have."""

METHOD_KEYS = ("name", "labels", "objective", "prior")
"""The keys of a method that are not settings of its objective."""


@dataclass(frozen=True)
class PaperSource:
    """The paper's title, where to find it, and a note on its values."""

    title: NonEmptyText
    reference: str = ""
    note: str = ""


@dataclass(frozen=True)
class PaperSetup:
    """An experiment of the paper, the runs that belong to it, and the published settings.

    A run belongs to it if its data set is a key of `datasets` and it has the `latent` size. A data set is known by its
    name or by the last part of a text setting, such as the folder of `arrays`; the values of `datasets` are notes.
    Other settings may differ, and differences are reported: those of `published`, by their path in `spec.json` such as
    `training.epochs`, and those of each method's objective in `methods`.
    """

    id: NonEmptyText
    datasets: dict[str, str]
    latent: Annotated[int, Ge(1)] | None = None
    published: dict[str, Scalar | list[Scalar]] | None = None
    methods: dict[str, dict[str, Scalar]] | None = None


@dataclass(frozen=True)
class PaperTable:
    """Published values: one of each method, or one for each of `conditions`, rounded to +-`half_width`.

    `measure` is the measure that they are compared with, where `{condition}` stands for each condition. If values
    cannot be compared, `only_order` says why.
    """

    id: NonEmptyText
    setup: NonEmptyText
    measure: NonEmptyText
    values: dict[str, float | list[float]]
    title: str = ""
    unit: str = ""
    conditions: tuple[str, ...] = ()
    half_width: Annotated[float, Ge(0)] = 0.0
    only_order: str = ""
    note: str = ""

    def list_measures(self) -> tuple[str, ...]:
        """The measure for each value of a row."""
        return tuple(self.measure.format(condition=name) for name in self.conditions) or (self.measure,)

    def get_values(self, method: str) -> tuple[float, ...]:
        """The published values of a method."""
        found = self.values[method]
        return tuple(map(float, found)) if isinstance(found, list) else (float(found),)


@dataclass(frozen=True)
class ClaimTest:
    """How a claim is tested, under each of `measures`, on runs of each of `setups`, seed by seed.

    less, greater   each method of `a` against each of `b`, or against the same method under the measure `against`, or
                    against `value`; by at least `margin`, in the measure's unit (negative: not worse by this much)
    order           each method of a group less than each of the next
    equivalent      a - b lies within +-`margin`
    ratio           a / b lies within `bounds`
    computed        the closed form named `formula`
    untestable      `why`; what `a` reaches under `measures` is reported

    The result of a test with `aside` is reported but is no part of the verdict.
    """

    kind: ClaimTestKind
    a: tuple[str, ...] = ()
    b: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    setups: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    against: str = ""
    value: float | None = None
    margin: float = 0.0
    bounds: tuple[Annotated[float, Gt(0)], Annotated[float, Gt(0)]] | None = None
    formula: str = ""
    why: str = ""
    aside: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods that the test names."""
        return tuple(dict.fromkeys((*self.a, *self.b, *(name for group in self.groups for name in group))))


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and its tests, all of which must agree for the claim to be supported.

    `tested` says what they test, if that is less than what is claimed.
    """

    id: NonEmptyText
    text: NonEmptyText
    test: tuple[ClaimTest, ...]
    where: str = ""
    tested: str = ""
    note: str = ""


@dataclass(frozen=True)
class ProxyMeasure:
    """A measure that replaces another one if that is not measured: orders are tested with it, margins are not."""

    measure: NonEmptyText
    by: NonEmptyText
    note: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper's file. Each of `methods` says which results are the method's (see `matching.py`)."""

    source: PaperSource
    methods: dict[str, dict[str, Scalar | list[str]]]
    setup: tuple[PaperSetup, ...] = ()
    table: tuple[PaperTable, ...] = ()
    claim: tuple[Claim, ...] = ()
    stand_in: tuple[ProxyMeasure, ...] = ()

    def get_method_name(self, method: str) -> str:
        """The name of a method in tables."""
        return str(self.methods[method].get("name", method))


def default_paper_path() -> Path:
    """The file of the paper that comes with the package."""
    return Path(str(files("vimae_bench.claims") / "papers" / DEFAULT_PAPER))


def read_paper(path: Path) -> Paper:
    """Read a paper's file. Raises InvalidFileError with all errors in it, BenchError if it cannot be read."""
    text, raw = read_toml(path)
    checker = SettingsChecker(_refuse_plugin)
    whole = checker.complete(_describe_paper(), raw)
    if checker.problems:
        raise make_error(path, text, checker.problems)
    paper: Paper = _convert(Paper, whole)
    if found := list(_find_contradictions(paper)):
        raise InvalidFileError(
            str(path), [Problem(format_path(where), what, find_line(text, where)) for where, what in found]
        )
    return paper


@cache
def _describe_paper() -> Json:
    return describe_settings(Paper, {})


def _refuse_plugin(kind: str, name: str) -> tuple[Json, int]:
    raise LookupError(f"a paper has no plugins, such as the {kind} '{name}'")


def _convert(form: Any, raw: Any) -> Any:  # noqa: ANN401
    """Convert a checked value to its type: tables to dataclasses, lists to tuples."""
    if is_dataclass(form):
        hints = get_type_hints(form)
        return form(**{name: _convert(hints[name], value) for name, value in raw.items()})  # pyright: ignore
    inner = get_args(form)
    if isinstance(raw, list):
        return tuple(_convert(inner[0] if inner else None, item) for item in raw)
    return raw


def _find_contradictions(paper: Paper) -> Iterator[tuple[SettingPath, str]]:
    """Errors that types cannot express."""
    yield from _check_unique("setup", [setup.id for setup in paper.setup])
    yield from _check_unique("claim", [claim.id for claim in paper.claim])
    for i, setup in enumerate(paper.setup):
        yield from _check_known("method", setup.methods or {}, paper.methods, ("setup", i, "methods"))
    for i, table in enumerate(paper.table):
        yield from _check_table(table, paper, ("table", i))
    for i, claim in enumerate(paper.claim):
        if not claim.test:
            yield ("claim", i, "test"), "needs at least one test"
        for j, test in enumerate(claim.test):
            yield from _check_test(test, paper, ("claim", i, "test", j))


def _check_table(table: PaperTable, paper: Paper, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    yield from _check_known("setup", [table.setup], [s.id for s in paper.setup], (*where, "setup"))
    yield from _check_known("method", table.values, paper.methods, (*where, "values"))
    try:
        wanted = len(table.list_measures())
    except (LookupError, ValueError):
        yield (*where, "measure"), f"can hold {{condition}} and no other braces, not {table.measure!r}"
        return
    for method in table.values:
        if (found := len(table.get_values(method))) != wanted:
            yield (*where, "values", method), f"must have {wanted} values, one for each condition, not {found}"


def _check_test(test: ClaimTest, paper: Paper, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    for name in REQUIRED_KEYS[test.kind]:
        if not getattr(test, name):
            yield (*where, name), f"a test of the kind '{test.kind}' needs a value for '{name}'"
    yield from _check_known("method", test.methods, paper.methods, where)
    yield from _check_known("setup", test.setups, [setup.id for setup in paper.setup], (*where, "setups"))
    others = sum([bool(test.b), bool(test.against), test.value is not None])
    if test.kind in ("less", "greater") and others != 1:
        yield where, f"needs exactly one of 'b', 'against' and 'value' to compare the methods of 'a' with, not {others}"
    if test.kind == "order" and len(test.groups) < 2:
        yield (*where, "groups"), "needs at least two groups"
    if test.kind == "equivalent" and test.margin < 0:
        yield (*where, "margin"), f"must be positive, not {test.margin:g}"
    if test.bounds and test.bounds[0] >= test.bounds[1]:
        yield (*where, "bounds"), f"must be a lower and a higher bound, not {list(test.bounds)}"
    if test.formula:
        yield from _check_known("closed form", [test.formula], CLOSED_FORMS, (*where, "formula"))


def _check_unique(kind: str, names: Sequence[str]) -> Iterator[tuple[SettingPath, str]]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield (kind, i, "id"), f"'{name}' is also the id of an earlier {kind}"


def _check_known(
    kind: str, names: Sequence[str] | Mapping[str, Any], known: Sequence[str] | Mapping[str, Any], where: SettingPath
) -> Iterator[tuple[SettingPath, str]]:
    for name in names:
        if name not in known:
            yield where, f"no {kind} is called '{name}'{suggest_similar(name, known)}"
