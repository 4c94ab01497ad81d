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
    "markdown": leaderboard_markdown.render,
    "csv": leaderboard_csv.render,
    "json": leaderboard_json.render,
    "latex": leaderboard_latex.render,
}
COMPARISON_FORMATS: Mapping[str, Callable[[Sequence[Comparison], Sequence[str]], str]] = {
    "markdown": comparison_markdown.render,
    "csv": comparison_csv.render,
    "json": comparison_json.render,
}
