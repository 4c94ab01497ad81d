"""The page of a comparison: in words, then a table of differences for each method, every seed drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...analysis.comparison import Comparison, Difference
from .. import comparison_csv, comparison_markdown
from ..comparison_text import DifferenceText, format_difference, format_methods
from ..table_format import clean_text, format_heading, format_unit
from . import render_page
from .interval_plot import IntervalPlot, build_interval_plot
from .summary import join_words

FORMATS = {"Markdown": comparison_markdown, "CSV": comparison_csv}
"""What a table is copied as."""
CLASSES = {"better": "good", "worse": "bad"}
LEGEND = (
    "A mark is A - B from one seed: blue where A is better, orange where B is, grey without a direction. "
    "The bar is the 95 % interval of the mean, the stroke across it the mean, the wash the margin."
)


@dataclass(frozen=True)
class ComparisonRowView:
    """One measure, with what its cells sort by."""

    name: str
    heading: str
    unit: str
    kind: str
    text: DifferenceText
    row: Difference
    strip: IntervalPlot

    @property
    def difference(self) -> float:
        """The mean difference."""
        return float(self.row.differences.mean())


@dataclass(frozen=True)
class ComparisonView:
    """One comparison, and what it comes to in words."""

    id: str
    title: str
    methods: str
    rows: tuple[ComparisonRowView, ...]
    summary: str
    notes: tuple[str, ...]


def render_comparison_page(comparisons: Sequence[Comparison], notes: Sequence[str], command: str) -> str:
    """The whole page."""
    tables = [_build_comparison_view(n, made) for n, made in enumerate(comparisons, 1)]
    names = list(dict.fromkeys((clean_text(made.a), clean_text(made.b)) for made in comparisons))
    return render_page(
        "compare.html.j2",
        title=" · ".join(f"{a} against {b}" for a, b in names),
        subtitle="Differences A - B, paired by seed",
        command=command,
        names=names,
        tables=tables,
        notes=notes,
        legend=LEGEND,
        texts={table.id: _format_texts(made) for table, made in zip(tables, comparisons, strict=True)},
    )


def _build_comparison_view(n: int, made: Comparison) -> ComparisonView:
    lines = tuple(_build_row_view(row, len(made.seeds)) for row in made.rows)
    return ComparisonView(
        f"table-{n}", clean_text(made.title), format_methods(made), lines, _summarize(made), made.notes
    )


def _build_row_view(row: Difference, seeds: int) -> ComparisonRowView:
    text = format_difference(row, seeds)
    kind = CLASSES.get(row.verdict, "")
    measure = row.measure
    return ComparisonRowView(
        clean_text(measure.name),
        format_heading(measure),
        format_unit(measure),
        kind,
        text,
        row,
        build_interval_plot(row, text.digits),
    )


def _summarize(made: Comparison) -> str:
    """Such as `A is better under sse and svm clean, worse under mmd2; no difference shown under fid.`"""
    if not made.rows:
        return "No measure is common to A and B."
    if not any(row.differences.any() for row in made.rows):
        return "A and B are the same in every number."
    found: dict[str, list[str]] = {}
    for row in made.rows:
        if row.sign:
            found.setdefault(row.verdict or "not tested", []).append(clean_text(row.measure.name))
    own = [f"{verdict} under {join_words(found[verdict])}" for verdict in CLASSES if verdict in found]
    others = [f"{verdict} under {join_words(names)}" for verdict, names in found.items() if verdict not in CLASSES]
    said = "; ".join([*([f"A is {', '.join(own)}"] if own else []), *others])
    return f"{said[:1].upper()}{said[1:]}." if said else "No measure has a direction."


def _format_texts(made: Comparison) -> Mapping[str, str]:
    return {name: form.format_comparisons([made]) for name, form in FORMATS.items()}
