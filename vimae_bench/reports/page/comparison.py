"""The page of a comparison: a summary in words, then tables of differences with a mark for every seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...analysis.comparison_data import Comparison, Difference
from .. import comparison_csv, comparison_markdown
from ..comparison_text import DifferenceText, format_difference, format_methods, summarize_comparison
from ..table_format import clean_text, format_heading, format_unit
from . import render_page
from .interval_plot import IntervalPlot, build_interval_plot

COPY_FORMATS = {"Markdown": comparison_markdown, "CSV": comparison_csv}
"""The formats that the buttons above a table copy."""
CLASSES = {"better": "good", "worse": "bad"}
LEGEND = (
    "Each mark is A - B for one seed, or A / B where there is an x: blue if A is better, orange if B is, grey if "
    "neither can be. The bar is the 95 % interval of this comparison, the line across it the mean, the "
    "shaded area the margin of equivalence."
)


@dataclass(frozen=True)
class ComparisonRowView:
    """One measure of a comparison."""

    name: str
    heading: str
    unit: str
    kind: str
    text: DifferenceText
    row: Difference
    plot: IntervalPlot


@dataclass(frozen=True)
class ComparisonView:
    """One comparison, and a summary of it in words."""

    id: str
    title: str
    methods: str
    rows: tuple[ComparisonRowView, ...]
    summary: str
    notes: tuple[str, ...]


def render_comparison_page(comparisons: Sequence[Comparison], notes: Sequence[str], command: str) -> str:
    """The HTML page; `command` is shown as the way to make it again."""
    tables = [_build_comparison_view(n, comparison) for n, comparison in enumerate(comparisons, 1)]
    names = list(dict.fromkeys((clean_text(comparison.a), clean_text(comparison.b)) for comparison in comparisons))
    return render_page(
        "compare.html.j2",
        title=" · ".join(f"{a} against {b}" for a, b in names),
        subtitle="Compared seed by seed",
        command=command,
        names=names,
        tables=tables,
        notes=notes,
        legend=LEGEND,
        texts={table.id: _format_texts(comparison) for table, comparison in zip(tables, comparisons, strict=True)},
    )


def _build_comparison_view(n: int, comparison: Comparison) -> ComparisonView:
    lines = tuple(_build_row_view(row) for row in comparison.rows)
    return ComparisonView(
        f"table-{n}",
        clean_text(comparison.title),
        format_methods(comparison),
        lines,
        summarize_comparison(comparison),
        comparison.notes,
    )


def _build_row_view(row: Difference) -> ComparisonRowView:
    text = format_difference(row)
    kind = CLASSES.get(row.outcome, "")
    measure = row.measure
    return ComparisonRowView(
        clean_text(measure.name),
        format_heading(measure),
        format_unit(measure),
        kind,
        text,
        row,
        build_interval_plot(row, text),
    )


def _format_texts(comparison: Comparison) -> Mapping[str, str]:
    return {name: form.format_comparisons([comparison]) for name, form in COPY_FORMATS.items()}
