"""Leaderboards, comparisons and verdicts as text, in the formats that commands offer."""

from collections.abc import Callable, Mapping, Sequence

from ..analysis.comparison import Comparison
from ..analysis.leaderboard_data import Leaderboard
from . import (
    comparison_csv,
    comparison_json,
    comparison_markdown,
    leaderboard_csv,
    leaderboard_json,
    leaderboard_latex,
    leaderboard_markdown,
)

LEADERBOARD_FORMATS: Mapping[str, Callable[[Sequence[Leaderboard]], str]] = {
    "markdown": leaderboard_markdown.format_leaderboards,
    "csv": leaderboard_csv.format_leaderboards,
    "json": leaderboard_json.format_leaderboards,
    "latex": leaderboard_latex.format_leaderboards,
}
COMPARISON_FORMATS: Mapping[str, Callable[[Sequence[Comparison], Sequence[str]], str]] = {
    "markdown": comparison_markdown.format_comparisons,
    "csv": comparison_csv.format_comparisons,
    "json": comparison_json.format_comparisons,
}
