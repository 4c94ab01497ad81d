"""The page of a comparison: in words, then a table of differences for each method, every seed drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...analysis.comparison import Comparison, Difference
from .. import comparison_csv as differences_csv
from .. import comparison_markdown as differences_markdown
from ..comparison_text import Spelt, sides, spelt
from ..table_format import heading, plain, unit
from . import render
from .interval_plot import Strip, strip
from .summary import listed

FORMATS = {"Markdown": differences_markdown, "CSV": differences_csv}
"""What a table is copied as."""
CLASSES = {"better": "good", "worse": "bad"}
LEGEND = (
    "A mark is A - B from one seed: blue where A is better, orange where B is, grey without a direction. "
    "The bar is the 95 % interval of the mean, the stroke across it the mean, the wash the margin."
)


@dataclass(frozen=True)
class Line:
    """One measure, with what its cells sort by."""

    name: str
    heading: str
    unit: str
    kind: str
    text: Spelt
    row: Difference
    strip: Strip

    @property
    def difference(self) -> float:
        """The mean difference."""
        return float(self.row.differences.mean())


@dataclass(frozen=True)
class Table:
    """One comparison, and what it comes to in words."""

    id: str
    title: str
    sides: str
    lines: tuple[Line, ...]
    said: str
    notes: tuple[str, ...]


def page(comparisons: Sequence[Comparison], notes: Sequence[str], command: str) -> str:
    """The whole page."""
    tables = [_table(n, made) for n, made in enumerate(comparisons, 1)]
    names = list(dict.fromkeys((plain(made.a), plain(made.b)) for made in comparisons))
    return render(
        "compare.html.j2",
        title=" · ".join(f"{a} against {b}" for a, b in names),
        subtitle="Differences A - B, paired by seed",
        command=command,
        names=names,
        tables=tables,
        notes=notes,
        legend=LEGEND,
        texts={table.id: _texts(made) for table, made in zip(tables, comparisons, strict=True)},
    )


def _table(n: int, made: Comparison) -> Table:
    lines = tuple(_line(row, len(made.seeds)) for row in made.rows)
    return Table(f"table-{n}", plain(made.title), sides(made), lines, _said(made), made.notes)


def _line(row: Difference, seeds: int) -> Line:
    text = spelt(row, seeds)
    kind = CLASSES.get(row.verdict, "")
    measure = row.measure
    return Line(plain(measure.name), heading(measure), unit(measure), kind, text, row, strip(row, text.digits))


def _said(made: Comparison) -> str:
    """Such as `A is better under sse and svm clean, worse under mmd2; no difference shown under fid.`"""
    if not made.rows:
        return "Nothing is measured on both sides."
    if not any(row.differences.any() for row in made.rows):
        return "A and B are the same in every number."
    found: dict[str, list[str]] = {}
    for row in made.rows:
        if row.sign:
            found.setdefault(row.verdict or "not tested", []).append(plain(row.measure.name))
    own = [f"{verdict} under {listed(found[verdict])}" for verdict in CLASSES if verdict in found]
    others = [f"{verdict} under {listed(names)}" for verdict, names in found.items() if verdict not in CLASSES]
    said = "; ".join([*([f"A is {', '.join(own)}"] if own else []), *others])
    return f"{said[:1].upper()}{said[1:]}." if said else "No measure has a direction."


def _texts(made: Comparison) -> Mapping[str, str]:
    return {name: form.render([made]) for name, form in FORMATS.items()}
