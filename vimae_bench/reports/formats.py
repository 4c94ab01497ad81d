"""Leaderboards, comparisons and verdicts as text, in the formats that commands offer."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from ..analysis.comparison_sources import SourceComparison
from ..analysis.leaderboard_data import Leaderboard

if TYPE_CHECKING:
    from ..claims.verdict import PaperVerdict


def format_leaderboards(boards: Sequence[Leaderboard], form: str) -> str:
    """Leaderboards as `markdown`, `csv`, `json` or `latex`."""
    from . import leaderboard_csv, leaderboard_json, leaderboard_latex, leaderboard_markdown

    modules = {
        "markdown": leaderboard_markdown,
        "csv": leaderboard_csv,
        "json": leaderboard_json,
        "latex": leaderboard_latex,
    }
    return modules[form].format_leaderboards(boards)


def format_comparison(comparison: SourceComparison, form: str, command: str) -> str:
    """A comparison as `markdown`, `csv`, `json` or `html`; a page shows the command that makes it again."""
    from . import comparison_csv, comparison_json, comparison_markdown

    if form == "html":
        from .page.comparison import render_comparison_page

        return render_comparison_page(comparison.tables, comparison.notes, command)
    modules = {"markdown": comparison_markdown, "csv": comparison_csv, "json": comparison_json}
    return modules[form].format_comparisons(comparison.tables, comparison.notes)


def format_verdict(verdict: "PaperVerdict", form: str, start: Path) -> str:
    """A verdict as `markdown`, `json` or `terminal`; paths of runs are relative to the folder `start`."""
    from . import verdict_json, verdict_markdown

    if form != "terminal":
        return (verdict_markdown if form == "markdown" else verdict_json).format_verdict(verdict, start)
    from rich.console import Console

    from .verdict_terminal import render_verdict

    console = Console(file=StringIO(), width=140)
    with console.capture() as captured:
        console.print(render_verdict(verdict, start))
    return captured.get()
