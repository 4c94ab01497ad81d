"""Comparisons for the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..results.comparison import Comparison, Difference
from ..results.statistics import Interval
from .layout import decimals, heading, number, plain, unit
from .terminal import footnotes

HEADS = ("measure", "A\nB", "A - B", "shift", "P(A beats B)", "p", "A is")
STYLES = {"better": "bold green", "worse": "bold red"}


def render(comparisons: Sequence[Comparison]) -> Group:
    """Tables of differences A - B to be printed by a rich console."""
    return Group(*(part for comparison in comparisons for part in _comparison(comparison)))


def _comparison(comparison: Comparison) -> Iterator[RenderableType]:
    a, b = plain(comparison.a), plain(comparison.b)
    title = Text.assemble((plain(comparison.title), "bold"), f"\nA = {a}, B = {b}, {len(comparison.seeds)} seeds")
    table = Table(title=title, title_justify="left", header_style="", title_style="", show_edge=False, show_lines=True)
    for head in HEADS:
        table.add_column(head)
    for row in comparison.rows:
        table.add_row(
            *map(Text, texts(row)), Text(verdict(row, len(comparison.seeds)), style=STYLES.get(row.verdict, ""))
        )
    yield table
    yield footnotes(comparison.notes)


def texts(row: Difference) -> list[str]:
    """What stands under all HEADS but the last, some of it in two lines."""
    half = (row.interval[1] - row.interval[0]) / 2 if row.interval else 0.0
    means = [sum(side) / len(side) for side in (row.a, row.b)]
    digits = decimals([half] if half else [], means)
    a, b, difference, spread = (number(x, digits) for x in (*means, means[0] - means[1], half))
    return [
        f"{heading(row.measure)}\n{unit(row.measure)}",
        f"{a}\n{b}",
        f"{difference}\n± {spread}" if row.interval else difference,
        number(row.shift.value, digits) + _between(row.shift.interval, digits),
        "" if row.wins is None else f"{row.wins:.2f}",
        "" if row.p is None else f"{row.p:.2g}" if row.p >= 0.001 else "< 0.001",
    ]


def verdict(row: Difference, seeds: int) -> str:
    """The verdict in words, with the margin it is held against or the seeds it lacks."""
    if row.verdict == "equivalent":
        return f"equivalent within {row.margin:g}"
    return f"incomplete ({len(row.a)} of {seeds})" if row.verdict == "incomplete" else row.verdict


def _between(bounds: Interval | None, digits: int) -> str:
    return f"\n[{number(bounds[0], digits)}, {number(bounds[1], digits)}]" if bounds else ""
