"""What all text formats share: how numbers, names and marks are written, and the order of the rows."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10

from ..analysis.decision import MIN_TESTED_SEEDS
from ..analysis.footnotes import format_count
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.marks import NOT_COMPARABLE, join_marks, list_marks
from ..analysis.measure_texts import describe_unit
from ..core.results import Measure

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
COLLAPSED = NOT_COMPARABLE
"""The mark of a single run that has collapsed."""
UNDEFINED = "–"  # noqa: RUF001
MAX_NAME_LENGTH = 32
"""Characters that a figure has room for."""


@dataclass(frozen=True)
class TableCell:
    """One number of a table: its value and half-width as text, the marks of its state, whether it shows a lead."""

    value: str = ""
    spread: str = ""
    marks: str = ""
    leads: bool = False


@dataclass(frozen=True)
class TableLine:
    """One row of a table. `section` is `comparable`, `not comparable` or `reference`; a control is in its method's.

    `label` is the name of the method with marks.
    """

    section: str
    is_control: bool
    name: str
    label: str
    seeds: str
    cells: tuple[TableCell, ...]


def format_lines(
    leaderboard: Leaderboard, names: Sequence[str] | None = None, significant: int = 2
) -> Iterator[TableLine]:
    """The rows of a leaderboard's table, with a cell for each of its columns, or for each of the measures named.

    Numbers have so many significant digits of the median half-width of their column.
    """
    columns = [
        (leaderboard.measures[name], _choose_column_decimals(leaderboard, name, significant))
        for name in (leaderboard.columns if names is None else names)
    ]
    by_label = {row.label: row for row in leaderboard.rows}
    for row in leaderboard.rows:
        section = "comparable" if by_label.get(row.control_of, row).is_comparable else "not comparable"
        cells = tuple(_format_cell(leaderboard, row, measure, digits) for measure, digits in columns)
        names = clean_text(row.label), clean_text(format_label(row))
        yield TableLine(section, bool(row.control_of), *names, format_seed_count(row), cells)
    for label, estimates in leaderboard.baselines.items():
        values = [(estimates.get(measure.name), digits) for measure, digits in columns]
        cells = tuple(TableCell(format_number(e.value, digits) if e else UNDEFINED) for e, digits in values)
        yield TableLine("reference", False, clean_text(label), clean_text(label), UNDEFINED, cells)


def format_label(row: LeaderboardRow, name: str = "") -> str:
    """A method's label, or a shorter `name` of it, marked if it is an A/A control or not comparable."""
    control = " (control)" if row.control_of else ""
    return f"{name or row.label}{control}{'' if row.is_comparable else f' {NOT_COMPARABLE}'}"


def format_heading(measure: Measure) -> str:
    """Such as `sse ↓` or `Entropy gap → 0`: the arrow shows which way is better."""
    return f"{clean_text(measure.label)} {format_arrow(measure)}".strip()


def format_arrow(measure: Measure) -> str:
    """An arrow to what is better, such as `↓` or `→ 0`; empty without a direction."""
    if measure.better:
        return "↓" if measure.better == "lower" else "↑"
    return "" if measure.target is None else f"→ {measure.target:g}"


def format_unit(measure: Measure) -> str:
    """The measure's unit as readers know it, with powers as superscripts; empty where it says nothing."""
    return re.sub(r"\^(\d+)", lambda power: power[1].translate(SUPERSCRIPTS), clean_text(describe_unit(measure)))


def format_axis_label(measure: Measure) -> str:
    """Such as `rate [nats]`."""
    symbol = format_unit(measure)
    return f"{clean_text(measure.label)} {f'[{symbol}]' if symbol else ''}".strip()


def format_seed_count(row: LeaderboardRow) -> str:
    """How many seeds of a row are done: `3`, or `1 of 3`; the notes explain the others."""
    total = len(row.run_results) + len(row.missing_seeds)
    return str(total) if row.is_complete else f"{row.count_seeds('done')} of {total}"


def describe_seeds(leaderboard: Leaderboard) -> str:
    """A sentence on the number of seeds and their intervals."""
    count = format_count(len(leaderboard.seeds), "seed")
    if len(leaderboard.seeds) < MIN_TESTED_SEEDS:
        return f"{count}, without intervals."
    return f"Means over {count} with 95 % intervals."


def format_number(value: float, digits: int) -> str:
    """A number with this many decimals, and never a negative zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def clean_text(text: str) -> str:
    """Text without control, format and unassigned characters, on one line: safe to print."""
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")


def join_words(words: Sequence[str]) -> str:
    """Such as `a, b and c`, without what is not safe to print."""
    *others, last = map(clean_text, words)
    return f"{', '.join(others)} and {last}" if others else last


def shorten_name(text: str) -> str:
    """A name on one line, without the middle of a long one."""
    name = clean_text(text)
    half = (MAX_NAME_LENGTH - 1) // 2
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:half]}…{name[-half:]}"


def choose_decimals(half_widths: Sequence[float], values: Sequence[float], significant: int = 2) -> int:
    """The decimals of a column: significant digits of the median half-width, or else two more of the largest value."""
    if half_widths:
        return _count_decimals(sorted(half_widths)[len(half_widths) // 2], significant)
    return _count_decimals(max((abs(value) for value in values), default=0.0), significant + 2)


def _format_cell(leaderboard: Leaderboard, row: LeaderboardRow, measure: Measure, digits: int) -> TableCell:
    summary = row.summaries.get(measure.name)
    if summary is None:
        is_measured = any(measure.name in result.measures for result in row.run_results.values())
        return TableCell(UNDEFINED if is_measured else "")
    value = format_number(summary.mean, digits)
    decision = leaderboard.decisions.get(measure.name)
    marks = join_marks(list_marks(decision, row.label))
    leads = bool(decision and decision.is_evidently_leading(row.label))
    if not summary.is_complete:
        count = f" ({len(summary.estimates)} of {len(row.run_results)})" if row.is_complete else ""
        return TableCell(value + count, marks=marks)
    spread = "" if summary.half_width is None else format_number(summary.half_width, digits)
    return TableCell(value, spread, marks, leads)


def _choose_column_decimals(leaderboard: Leaderboard, column: str, significant: int) -> int:
    summaries = [row.summaries[column] for row in leaderboard.rows if column in row.summaries]
    half_widths = [summary.half_width for summary in summaries if summary.half_width]
    digits = choose_decimals(half_widths, [summary.mean for summary in summaries], significant)
    return digits or int(min(half_widths, default=1.0) < 0.5)  # no half-width is to be shown as 0


def _count_decimals(value: float, significant: int) -> int:
    return min(max(significant - 1 - floor(log10(value)), 0), 6) if value else 0
