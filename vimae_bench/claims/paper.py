"""The published tables and claims of a paper, read from TOML. All errors in a file are reported together.

`docs/how-to/paper.md` explains the file for its authors.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise, product
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
ClaimTestKind = Literal[
    "less", "greater", "order", "equivalent", "ratio", "published", "fails", "computed", "untestable"
]
REQUIRED_KEYS = {
    "less": ("a", "setups", "measures"),
    "greater": ("a", "setups", "measures"),
    "order": ("groups", "setups", "measures"),
    "equivalent": ("a", "b", "setups", "measures", "margin"),
    "ratio": ("a", "b", "setups", "measures", "bounds"),
    "published": ("a", "table"),
    "fails": ("a", "setups"),
    "computed": ("formula",),
    "untestable": ("why",),
}
"""The keys that a test of each kind must have."""

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
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

    `measure` is the measure that they are compared with, where `{condition}` stands for each condition, and `{id}` for
    each of these `readings`. If values cannot be compared, `only_order` says why. `images` is the number of test images
    behind a published accuracy, in percent, where the measured one has many more: its binomial variance is added to
    predictions.
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
    images: Annotated[int, Ge(1)] | None = None
    note: str = ""

    def list_measures(self, option: "ReadingOption | None" = None) -> tuple[str, ...]:
        """The measure for each value of a row, as one of several readings has it."""
        measures = tuple(self.measure.replace("{condition}", name) for name in self.conditions) or (self.measure,)
        return tuple(option.fill_in(measure) if option else measure for measure in measures)

    def get_values(self, method: str) -> tuple[float, ...]:
        """The published values of a method."""
        found = self.values[method]
        return tuple(map(float, found)) if isinstance(found, list) else (float(found),)


@dataclass(frozen=True)
class ReadingOption:
    """One of several readings: the measure that it takes, and in which way it differs from the others.

    `shift_per_dimension` is what it adds to the values of methods, for each latent dimension.
    """

    measure: NonEmptyText
    name: str = ""
    shift_per_dimension: dict[str, float] | None = None

    @property
    def label(self) -> str:
        """What tables call it."""
        return self.name or self.measure

    def fill_in(self, measure: str) -> str:
        """A measure of a test or table, with this reading's in the place of the braces."""
        return PLACEHOLDER.sub(lambda _: self.measure, measure)


@dataclass(frozen=True)
class Readings:
    """Readings between which the paper does not decide, `of` its estimator, say, or a convention.

    Where `{id}` stands in the measures of a claim's tests, the claim is tested under each of them.
    """

    id: NonEmptyText
    of: NonEmptyText
    option: tuple[ReadingOption, ...]
    note: str = ""


@dataclass(frozen=True)
class ClaimTest:
    """How a claim is tested, under each of `measures`, on runs of each of `setups`, seed by seed.

    less, greater   each method of `a` against each of `b`, or against `value`; by at least `margin`, in the measure's
                    unit (negative: not worse by this much)
    order           each method of a group less than each of the next
    equivalent      a - b lies within +-`margin`
    ratio           a / b lies within `bounds`
    published       what the paper prints of `a` in `table` (under `condition`) is compatible with what is measured
    fails           every run of `a` diverges or collapses
    computed        the closed form named `formula`
    untestable      `why`; what `a` reaches under `measures` is reported

    With `change_from`, values are those under the measure minus those of the same run under `change_from`. The result
    of a test with `aside` is reported but is no part of the verdict.
    """

    kind: ClaimTestKind
    a: tuple[str, ...] = ()
    b: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    setups: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    change_from: str = ""
    value: float | None = None
    margin: float = 0.0
    bounds: tuple[Annotated[float, Gt(0)], Annotated[float, Gt(0)]] | None = None
    table: str = ""
    condition: str = ""
    formula: str = ""
    why: str = ""
    aside: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods that the test names."""
        return tuple(dict.fromkeys((*self.a, *self.b, *(name for group in self.groups for name in group))))

    def list_pairs(self) -> list[tuple[str, str]]:
        """The methods a and b of each comparison on one setup under one measure; b is empty for a fixed value."""
        if self.kind == "order":
            return [both for one, following in pairwise(self.groups) for both in product(one, following)]
        if self.kind in ("published", "fails") or self.value is not None:
            return [(method, "") for method in self.a]
        return list(product(self.a, self.b))


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and its tests, all of which must agree for the claim to be supported.

    `title` says it in a few words, for lists. `tested` says what is tested where that is not all that the sentence
    says. All comparisons that the tests list, run or not,
    are the family over which those that speak against the claim are adjusted.
    """

    id: NonEmptyText
    text: NonEmptyText
    test: tuple[ClaimTest, ...]
    title: str = ""
    where: str = ""
    tested: str = ""
    note: str = ""

    def count_comparisons(self) -> int:
        """The size of the claim's family: all comparisons under one reading, on all setups, run or not."""
        counted = (test for test in self.test if not test.aside)
        return sum(len(test.list_pairs()) * max(1, len(test.setups)) * max(1, len(test.measures)) for test in counted)


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
    readings: tuple[Readings, ...] = ()
    claim: tuple[Claim, ...] = ()
    stand_in: tuple[ProxyMeasure, ...] = ()

    def get_method_name(self, method: str) -> str:
        """The name of a method in tables."""
        return str(self.methods[method].get("name", method))

    def get_table(self, name: str) -> PaperTable:
        """The table of this id."""
        return next(table for table in self.table if table.id == name)

    def find_readings(self, measures: Iterable[str]) -> Readings | None:
        """The readings that the measures leave open; None if there is one only."""
        named = {name for measure in measures for name in PLACEHOLDER.findall(measure)}
        return next((readings for readings in self.readings if readings.id in named), None)

    def find_claim_readings(self, claim: Claim) -> Readings | None:
        """The readings that a claim's tests leave open."""
        measures = [measure for test in claim.test for measure in (*test.measures, test.change_from)]
        tables = [self.get_table(test.table).measure for test in claim.test if test.table]
        return self.find_readings([*measures, *tables])


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
    yield from _check_unique("readings", [readings.id for readings in paper.readings])
    for i, setup in enumerate(paper.setup):
        yield from _check_known("method", setup.methods or {}, paper.methods, ("setup", i, "methods"))
    for i, readings in enumerate(paper.readings):
        if len(readings.option) < 2:
            yield ("readings", i, "option"), "needs at least two readings"
        for option in readings.option:
            yield from _check_known("method", option.shift_per_dimension or {}, paper.methods, ("readings", i))
    for i, table in enumerate(paper.table):
        yield from _check_table(table, paper, ("table", i))
    for i, claim in enumerate(paper.claim):
        if not claim.test:
            yield ("claim", i, "test"), "needs at least one test"
        for j, test in enumerate(claim.test):
            yield from _check_test(test, paper, ("claim", i, "test", j))
        measures = [measure for test in claim.test for measure in (*test.measures, test.change_from)]
        if len({name for measure in measures for name in PLACEHOLDER.findall(measure)}) > 1:
            yield ("claim", i, "test"), "can leave open the readings of one thing only"


def _check_table(table: PaperTable, paper: Paper, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    yield from _check_known("setup", [table.setup], [s.id for s in paper.setup], (*where, "setup"))
    yield from _check_known("method", table.values, paper.methods, (*where, "values"))
    yield from _check_placeholders(table.measure, paper, (*where, "measure"), ["condition"])
    for method in table.values:
        if (found := len(table.get_values(method))) != (wanted := len(table.list_measures())):
            yield (*where, "values", method), f"must have {wanted} values, one for each condition, not {found}"


def _check_test(test: ClaimTest, paper: Paper, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    for name in REQUIRED_KEYS[test.kind]:
        if not getattr(test, name):
            yield (*where, name), f"a test of the kind '{test.kind}' needs a value for '{name}'"
    yield from _check_known("method", test.methods, paper.methods, where)
    yield from _check_known("setup", test.setups, [setup.id for setup in paper.setup], (*where, "setups"))
    for measure in (*test.measures, test.change_from):
        yield from _check_placeholders(measure, paper, (*where, "measures"))
    if test.kind in ("less", "greater") and bool(test.b) == (test.value is not None):
        yield where, "needs either 'b' or 'value' to compare the methods of 'a' with"
    if test.kind == "order" and len(test.groups) < 2:
        yield (*where, "groups"), "needs at least two groups"
    if test.kind == "equivalent" and test.margin < 0:
        yield (*where, "margin"), f"must be positive, not {test.margin:g}"
    if test.bounds and test.bounds[0] >= test.bounds[1]:
        yield (*where, "bounds"), f"must be a lower and a higher bound, not {list(test.bounds)}"
    if test.kind == "ratio" and test.change_from:
        yield (*where, "change_from"), "a change may be negative or zero, and has no ratio"
    if test.formula:
        yield from _check_known("closed form", [test.formula], CLOSED_FORMS, (*where, "formula"))
    if test.table:
        yield from _check_published(test, paper, where)


def _check_published(test: ClaimTest, paper: Paper, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    tables = {table.id: table for table in paper.table}
    yield from _check_known("table", [test.table], tables, (*where, "table"))
    if test.table in tables:
        table = tables[test.table]
        yield from _check_known("method with values there", test.a, table.values, (*where, "a"))
        yield from _check_known("condition", [test.condition], table.conditions or [""], (*where, "condition"))


def _check_placeholders(
    measure: str, paper: Paper, where: SettingPath, others: Sequence[str] = ()
) -> Iterator[tuple[SettingPath, str]]:
    known = [*others, *(readings.id for readings in paper.readings)]
    yield from _check_known("readings", PLACEHOLDER.findall(measure), known, where)
    if "{" in PLACEHOLDER.sub("", measure) or "}" in PLACEHOLDER.sub("", measure):
        yield where, f"must have braces in pairs, unlike {measure!r}"


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
