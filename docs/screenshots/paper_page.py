"""A page as in a NeurIPS paper, with three figures of a record at the width in which they are printed."""

import base64
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from vimae_bench.analysis.load import BenchmarkResults
from vimae_bench.analysis.summary import select_key_columns, summarize_leaderboard
from vimae_bench.reports import intervals
from vimae_bench.reports.all_figures import CaptionedFigure, draw_figures, draw_image_grids
from vimae_bench.reports.plot_style import TEXT_WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HALF_WIDTH = 2.65
"""Inches of each of two figures next to each other."""
MEASURES = 4
"""Panels of the first figure."""
STYLE = """
@page { size: 8.5in 11in; margin: 0; }
body { margin: 0; width: 5.5in; height: 9in; padding: 1in 1.5in; background: #fff; color: #000; }
body { font: 10pt/11pt "Liberation Serif", "Times New Roman", "DejaVu Serif", serif; text-align: justify; }
h1 { margin: 0 0 6pt; font-size: 12pt; }
p { margin: 0 0 5.5pt; }
figure { margin: 8pt 0 10pt; }
img { display: block; }
figcaption { margin-top: 3pt; font-size: 9pt; line-height: 10pt; }
.pair { display: flex; justify-content: space-between; }
.pair figure { width: 2.65in; margin-top: 2pt; }
.pair { align-items: end; }
footer { position: absolute; top: 10.2in; width: 5.5in; text-align: center; }
"""


def draw_page_figures(results: BenchmarkResults) -> list[CaptionedFigure]:
    """The three figures: one over the width of the text, and two of half the width."""
    (board,), runs = results.leaderboards, results.run_results
    columns = [name for name in select_key_columns(board) if board.measures[name].better][:MEASURES]
    caption = intervals.describe_intervals(board, columns)
    wide = CaptionedFigure("Key measures", caption, intervals.draw_intervals(board, columns, TEXT_WIDTH))
    half = draw_figures([board], runs, with_intervals=False, width=HALF_WIDTH)
    return [wide, next(half), next(draw_image_grids(runs, HALF_WIDTH))]


def render_paper_page(results: BenchmarkResults) -> str:
    """The page as HTML, 8.5 by 11 inches."""
    first, second, third = (
        f'<figure><img src="{_encode(one.figure)}"><figcaption>Figure {n}: {escape(one.caption)}</figcaption></figure>'
        for n, one in enumerate(draw_page_figures(results), 1)
    )
    return (
        f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><h1>5&ensp;Results</h1>'
        f'<p>{describe_results(results)}</p>{first}<div class="pair">{second}{third}</div><footer>7</footer>'
    )


def describe_results(results: BenchmarkResults) -> str:
    """What the summary of the results says, as HTML."""
    summary = summarize_leaderboard(results.leaderboards[0])
    return escape(" ".join([*summary.certainty, *summary.sentences[:3], summary.resolution]))


def _encode(figure: "Figure") -> str:
    """A figure as an address, with its text as outlines, so that it looks the same with whatever fonts there are."""
    from matplotlib import rc_context

    file = BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "vimae-bench"}):
        figure.savefig(file, format="svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"
