"""What all text formats share: how numbers, names and marks are written, and the order of the rows."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.legacy_statistics import MIN_BOOTSTRAP
from ..core.results import Measure

ARROWS = {"lower": "↓", "higher": "↑", None: ""}
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
COLLAPSED = "†"
UNDEFINED = "–"  # noqa: RUF001
MAX_NAME_LENGTH = 32
"""Characters that a figure has room for."""


@dataclass(frozen=True)
class TableCell:
    """One number of a table: its value and half-width as text, the letters of its tie groups, whether it is best.

    A dagger in place of the letters: not ranked, since a run of the method collapsed.
    """

    value: str = ""
    spread: str = ""
    letters: str = ""
    top: bool = False


@dataclass(frozen=True)
class TableLine:
    """One row of a table. `section` is `ranked`, `incomplete` or `reference`."""

    section: str
    rank: str
    label: str
    seeds: str
    cells: tuple[TableCell, ...]


def format_lines(leaderboard: Leaderboard) -> Iterator[TableLine]:
    """The rows of a leaderboard's table, with a cell for each of its columns."""
    columns = [(leaderboard.measures[name], _choose_column_decimals(leaderboard, name)) for name in leaderboard.columns]
    for row in leaderboard.rows:
        ranked_by = row.summaries.get(leaderboard.rank_by or "")
        rank = str(ranked_by.shared_rank.rank) if ranked_by and ranked_by.shared_rank else ""
        label = clean_text(row.label) + (f" {COLLAPSED}" if row.collapsed_seeds else "")
        cells = tuple(_format_cell(row, measure, digits) for measure, digits in columns)
        yield TableLine("ranked" if row.is_complete else "incomplete", rank, label, format_seed_count(row), cells)
    for label, estimates in leaderboard.baselines.items():
        values = [(estimates.get(measure.name), digits) for measure, digits in columns]
        cells = tuple(TableCell(format_number(e.value, digits) if e else UNDEFINED) for e, digits in values)
        yield TableLine("reference", "", clean_text(label), UNDEFINED, cells)


def format_heading(measure: Measure) -> str:
    """Such as `sse ↓`: the arrow shows which way is better."""
    return f"{clean_text(measure.label)} {ARROWS[measure.better]}".strip()


def format_unit(measure: Measure) -> str:
    """The measure's unit, with powers as superscripts."""
    return re.sub(r"\^(\d+)", lambda power: power[1].translate(SUPERSCRIPTS), clean_text(measure.unit))


def format_axis_label(measure: Measure) -> str:
    """Such as `rate [nats]`."""
    symbol = format_unit(measure)
    in_brackets = symbol if symbol.startswith("[") or not symbol else f"[{symbol}]"
    return f"{clean_text(measure.label)} {in_brackets}".strip()


def format_seed_count(row: LeaderboardRow) -> str:
    """How many seeds of a row are done: `3`, or `1 of 3`; the notes explain the others."""
    total = len(row.run_results) + len(row.missing_seeds)
    return str(total) if row.is_complete else f"{row.count_seeds('done')} of {total}"


def describe_seeds(leaderboard: Leaderboard) -> str:
    """A sentence on the number of seeds and the kind of interval."""
    if len(leaderboard.seeds) < 2:
        return "One seed, without an interval."
    kind = "Student's t" if len(leaderboard.seeds) < MIN_BOOTSTRAP else "BCa bootstrap"
    return f"Means over {len(leaderboard.seeds)} seeds with 95 % intervals ({kind})."


def format_number(value: float, digits: int) -> str:
    """A number with this many decimals, and never a negative zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def clean_text(text: str) -> str:
    """Text without control, format and unassigned characters, on one line: safe to print."""
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")


def shorten_name(text: str) -> str:
    """A name on one line, without the middle of a long one."""
    name = clean_text(text)
    half = (MAX_NAME_LENGTH - 1) // 2
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:half]}…{name[-half:]}"


def choose_decimals(half_widths: Sequence[float], values: Sequence[float]) -> int:
    """The decimals of a column: two significant digits of the median half-width, or else four of the largest value."""
    if half_widths:
        return _count_decimals(sorted(half_widths)[len(half_widths) // 2], 2)
    return _count_decimals(max((abs(value) for value in values), default=0.0), 4)


def _format_cell(row: LeaderboardRow, measure: Measure, digits: int) -> TableCell:
    summary = row.summaries.get(measure.name)
    if summary is None:
        is_measured = any(measure.name in result.measures for result in row.run_results.values())
        return TableCell(UNDEFINED if is_measured else "")
    value = format_number(summary.mean, digits)
    if not summary.is_complete:
        return TableCell(f"{value} ({len(summary.estimates)} of {len(row.run_results)})" if row.is_complete else value)
    spread = "" if summary.half_width is None else format_number(summary.half_width, digits)
    if summary.shared_rank:
        return TableCell(value, spread, summary.shared_rank.letters, summary.shared_rank.is_best)
    return TableCell(value, spread, COLLAPSED if row.collapsed_seeds and measure.rewards_collapse else "")


def _choose_column_decimals(leaderboard: Leaderboard, column: str) -> int:
    summaries = [row.summaries[column] for row in leaderboard.rows if column in row.summaries]
    return choose_decimals(
        [summary.half_width for summary in summaries if summary.half_width], [summary.mean for summary in summaries]
    )


def _count_decimals(value: float, significant: int) -> int:
    return min(max(significant - 1 - floor(log10(value)), 0), 6) if value else 0
