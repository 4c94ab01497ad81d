"""A paper's printed tables and claims, read from TOML and checked: all that is wrong with a file is told at once."""

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
from .closed_forms import CLOSED_FORMS

DEFAULT_PAPER = "vimae.toml"
"""The paper of VIMAE (1905.10549), in the package's folder `papers`."""

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
"""What a test of each kind cannot do without."""

METHOD_KEYS = ("name", "labels", "objective", "prior")
"""The keys of a method that are no settings of its objective."""


@dataclass(frozen=True)
class PaperSource:
    """What is judged: the paper's title, where it is to be found, and what is to be known of its figures."""

    title: NonEmptyText
    reference: str = ""
    note: str = ""


@dataclass(frozen=True)
class PaperSetup:
    """An experiment: which runs belong to it, and with what it was published.

    Runs belong to it by the name of their data set (that of the folder for `arrays`), a key of `datasets` whose value
    is what has to be said of it, and by their `latent` size. Other settings may differ, and are said to: those of
    `published`, by their path in `spec.json` such as `training.epochs`, and those of each method's objective in
    `methods`.
    """

    id: NonEmptyText
    datasets: dict[str, str]
    latent: Annotated[int, Ge(1)] | None = None
    published: dict[str, Scalar | list[Scalar]] | None = None
    methods: dict[str, dict[str, Scalar]] | None = None


@dataclass(frozen=True)
class PaperTable:
    """Printed figures: a value of each method, or one for each of `conditions`, rounded to +-`half_width`.

    `measure` is ours that they are compared with, `{condition}` in it standing for each condition; `only_order` says
    why figures cannot be compared, where they cannot.
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
        """Our measure for each figure of a row."""
        return tuple(self.measure.format(condition=name) for name in self.conditions) or (self.measure,)

    def get_values(self, method: str) -> tuple[float, ...]:
        """The figures of a method's row."""
        found = self.values[method]
        return tuple(map(float, found)) if isinstance(found, list) else (float(found),)


@dataclass(frozen=True)
class ClaimTest:
    """How a claim is tested, under each of `measures`, on runs of each of `setups`, seed by seed.

    less, greater   each method of `a` against each of `b`, or against the same method under the measure `against`, or
                    against `value`; by at least `margin`, in the measure's unit (a negative one: not worse by as much)
    order           each method of a group less than each of the next
    equivalent      a - b lies within +-`margin`
    ratio           a / b lies within `bounds`
    computed        the closed form named `formula`
    untestable      `why`; what `a` reaches under `measures` is reported

    What is said `aside` is told, and no part of the verdict.
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
        """All methods that it names."""
        return tuple(dict.fromkeys((*self.a, *self.b, *(name for group in self.groups for name in group))))


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and the tests that all have to agree for it to be supported.

    `tested` says what they test, where that is less than what is claimed.
    """

    id: NonEmptyText
    text: NonEmptyText
    test: tuple[ClaimTest, ...]
    where: str = ""
    tested: str = ""
    note: str = ""


@dataclass(frozen=True)
class ProxyMeasure:
    """A measure that takes the place of another, under its own name: orders are tested on it, margins are not."""

    measure: NonEmptyText
    by: NonEmptyText
    note: str = ""


@dataclass(frozen=True)
class Paper:
    """A whole file. Each of `methods` says how rows of results are recognised (`evidence.py`)."""

    source: PaperSource
    methods: dict[str, dict[str, Scalar | list[str]]]
    setup: tuple[PaperSetup, ...] = ()
    table: tuple[PaperTable, ...] = ()
    claim: tuple[Claim, ...] = ()
    stand_in: tuple[ProxyMeasure, ...] = ()

    def get_method_name(self, method: str) -> str:
        """How a method is called in tables."""
        return str(self.methods[method].get("name", method))


def default_paper_path() -> Path:
    """The file that comes with the package."""
    return Path(str(files("vimae_bench.claims") / "papers" / DEFAULT_PAPER))


def read_paper(path: Path) -> Paper:
    """Read a paper's file. Raises Problems with all that is wrong, BenchError if there is no such file."""
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
    raise LookupError(f"a paper names no plugin such as the {kind} '{name}'")


def _convert(form: Any, raw: Any) -> Any:  # noqa: ANN401
    """A checked value as its type has it: tables as dataclasses, lists as tuples."""
    if is_dataclass(form):
        hints = get_type_hints(form)
        return form(**{name: _convert(hints[name], value) for name, value in raw.items()})  # pyright: ignore
    inner = get_args(form)
    if isinstance(raw, list):
        return tuple(_convert(inner[0] if inner else None, item) for item in raw)
    return raw


def _find_contradictions(paper: Paper) -> Iterator[tuple[SettingPath, str]]:
    """What no type can say."""
    yield from _check_unique("setup", [setup.id for setup in paper.setup])
    yield from _check_unique("claim", [claim.id for claim in paper.claim])
    for i, setup in enumerate(paper.setup):
        yield from _check_known("method", setup.methods or {}, paper.methods, ("setup", i, "methods"))
    for i, table in enumerate(paper.table):
        yield from _check_table(table, paper, ("table", i))
    for i, claim in enumerate(paper.claim):
        if not claim.test:
            yield ("claim", i, "test"), "needs a test at least"
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
            yield (*where, "values", method), f"has to hold {wanted} figures, one for each condition, not {found}"


def _check_test(test: ClaimTest, paper: Paper, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    for name in REQUIRED_KEYS[test.kind]:
        if not getattr(test, name):
            yield (*where, name), f"a test of the kind '{test.kind}' needs a value for '{name}'"
    yield from _check_known("method", test.methods, paper.methods, where)
    yield from _check_known("setup", test.setups, [setup.id for setup in paper.setup], (*where, "setups"))
    others = sum([bool(test.b), bool(test.against), test.value is not None])
    if test.kind in ("less", "greater") and others != 1:
        yield where, f"needs one of 'b', 'against' and 'value' to hold the methods of 'a' against, not {others}"
    if test.kind == "order" and len(test.groups) < 2:
        yield (*where, "groups"), "needs two groups at least to be in an order"
    if test.kind == "equivalent" and test.margin < 0:
        yield (*where, "margin"), f"has to be positive, not {test.margin:g}"
    if test.bounds and test.bounds[0] >= test.bounds[1]:
        yield (*where, "bounds"), f"have to be a lower and a higher one, not {list(test.bounds)}"
    if test.formula:
        yield from _check_known("closed form", [test.formula], CLOSED_FORMS, (*where, "formula"))


def _check_unique(kind: str, names: Sequence[str]) -> Iterator[tuple[SettingPath, str]]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield (kind, i, "id"), f"'{name}' is the id of an earlier {kind} too"


def _check_known(
    kind: str, names: Sequence[str] | Mapping[str, Any], known: Sequence[str] | Mapping[str, Any], where: SettingPath
) -> Iterator[tuple[SettingPath, str]]:
    for name in names:
        if name not in known:
            yield where, f"no {kind} is called '{name}'{suggest_similar(name, known)}"
