"""The page of a report: summary, leaderboards, figures, images, a paper's claims, provenance."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from ...analysis.footnotes import format_count
from ...analysis.leaderboard_data import Leaderboard
from ...analysis.load import BenchmarkResults
from ...analysis.measure_texts import describe_direction
from ...analysis.state_counts import StateCount, count_states
from ...claims.paper import default_paper_path, read_paper
from ...claims.verdict import PaperVerdict, evaluate_paper
from ...core.errors import BenchError
from ...storage.archive import real_path
from ...storage.store import RunResult
from .. import leaderboard_csv, leaderboard_latex, leaderboard_markdown
from ..all_figures import assign_run_styles, draw_figures
from ..claims_text import RULES, format_run_link
from ..plot_style import COLOURS
from ..table_format import UNDEFINED, clean_text, format_heading, format_unit, join_words
from . import render_page
from .claims import build_verdict_view
from .first_screen import build_first_screen
from .heading import read_heading
from .image_grids import build_image_grids, build_walls
from .inline_figures import draw_panels
from .provenance import build_provenance
from .runs import FindLink, RunLinks, find_no_link
from .tables import build_leaderboard_view

COPY_FORMATS = {
    "LaTeX": leaderboard_latex.format_leaderboards,
    "Markdown": leaderboard_markdown.format_leaderboards,
    "CSV": leaderboard_csv.format_leaderboards,
}
"""The formats that the buttons above a table copy."""


MARKER_PATHS = {
    "o": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "s": "M-4.5 -4.5h9v9h-9z",
    "^": "M0 -5l5 9.5h-10z",
    "v": "M0 5l-5 -9.5h10z",
    "D": "M0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
    "P": "M-2 -5h4v3h3v4h-3v3h-4v-3h-3v-4h3z",
    "p": "M0 -5L4.8 -1.5L2.9 4H-2.9L-4.8 -1.5z",
    "*": "M0 -5.5l1.4 3.7h4l-3.2 2.4l1.2 3.9l-3.4 -2.3l-3.4 2.3l1.2 -3.9l-3.2 -2.4h4z",
}
"""The markers of matplotlib, in a box of 12 by 12 units around 0."""


@dataclass(frozen=True)
class FigureView:
    """A figure of the page: one or several panels."""

    title: str
    caption: str
    panels: tuple[Markup, ...]


@dataclass(frozen=True)
class SeriesView:
    """How a method is drawn in all figures: the number of its colour, and its marker as the path of an SVG."""

    series: int
    path: str


@dataclass(frozen=True)
class GlossaryEntry:
    """A measure with what it means; `name` is what files and commands call it."""

    label: str
    name: str
    text: str


def render_report(
    results: Sequence[BenchmarkResults],
    *,
    page_folder: Path,
    command: str,
    paper_path: Path | None = None,
    find_mlflow_link: FindLink = find_no_link,
) -> str:
    """The HTML page for some benchmarks' results.

    Links to runs are relative to `page_folder`; `command` is shown as the way to make the page again. The claims are
    those of `paper_path`, or of the paper that comes with vimae-bench if any run belongs to it. Raises BenchError if
    there is no run.
    """
    titled = [(_format_title(one, table, results), table) for one in results for table in one.leaderboards]
    leaderboards = [table for _, table in titled]
    if not leaderboards:
        raise BenchError(f"{', '.join(str(one.store.path) for one in results)}: has no runs to report")
    links = RunLinks(lambda result: format_folder_link(result, page_folder), find_mlflow_link)
    image_grids = [grid for one in results for grid in build_image_grids(one.leaderboards, one.run_results)]
    screens = [
        build_first_screen(n, table, title, images)
        for n, ((title, table), images) in enumerate(zip(titled, image_grids, strict=True), 1)
    ]
    tables = [build_leaderboard_view(f"table-{n}", table, title, links) for n, (title, table) in enumerate(titled, 1)]
    verdict = _evaluate_claims(results, paper_path)
    provenances = [build_provenance(one) for one in results]
    headings = [read_heading(provenance.name, provenance.source) for provenance in provenances]
    return render_page(
        "report.html.j2",
        title=join_words([heading.title for heading in headings]),
        subtitle=headings[0].purpose if len(headings) == 1 else "",
        facts=(format_subtitle(leaderboards), _format_maker()),
        command=command,
        screens=screens,
        tables=tables,
        state_counts=_build_state_counts(leaderboards),
        figures=list(_build_figures(results)),
        walls=[wall for one in results for wall in build_walls(one.leaderboards, one.run_results)],
        verdict=build_verdict_view(verdict) if verdict else None,
        rules=RULES,
        provenances=provenances,
        glossary=list(_build_glossary(leaderboards)),
        series=_collect_series(results),
        texts={view.id: _format_texts(table) for view, table in zip(tables, leaderboards, strict=True)},
    )


def format_folder_link(result: RunResult, page_folder: Path) -> str:
    """A link to a run's folder, or to the archive that holds it; quoted, as a name may have a colon or a space."""
    link = quote(os.fsencode(format_run_link(result, page_folder)))
    return link + "/" if real_path(result.folder) == result.folder else link


def format_subtitle(leaderboards: Sequence[Leaderboard]) -> str:
    """Such as `7 methods on mnist and cifar10, from 5 seeds`."""
    methods = {row.label for table in leaderboards for row in table.rows if not row.control_of}
    datasets = dict.fromkeys(table.dataset.title for table in leaderboards)
    seeds = sorted({len(table.seeds) for table in leaderboards})
    counts = format_count(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    return f"{format_count(len(methods), 'method')} on {join_words(list(datasets))}, from {counts}"


def _format_title(benchmark: BenchmarkResults, table: Leaderboard, results: Sequence[BenchmarkResults]) -> str:
    """A table's title, after the benchmark's name if there are several benchmarks."""
    return f"{benchmark.store.name}: {table.title}" if len(results) > 1 else table.title


def _format_maker() -> str:
    """Such as `vimae-bench 0.1.0, 1 December 2026`."""
    today = datetime.now().astimezone().date()
    return f"vimae-bench {version('vimae-bench')}, {today.day} {today:%B %Y}"


def _build_glossary(leaderboards: Sequence[Leaderboard]) -> Iterator[GlossaryEntry]:
    """The measures of all tables, each once."""
    measures = {name: table.measures[name] for table in leaderboards for name in table.columns}
    for name, measure in measures.items():
        unit = format_unit(measure)
        caution = f"It {measure.caution}." if measure.caution else ""
        parts = measure.description, describe_direction(measure), caution, f"In {unit}." if unit else ""
        text = " ".join(filter(None, parts))
        yield GlossaryEntry(clean_text(measure.title), clean_text(name), clean_text(text))


def _format_texts(table: Leaderboard) -> dict[str, str]:
    return {name: format_leaderboards([table]) for name, format_leaderboards in COPY_FORMATS.items()}


def _build_figures(results: Sequence[BenchmarkResults]) -> Iterator[FigureView]:
    """All figures but that of intervals, which the first screen shows."""
    styles = assign_run_styles([result for one in results for result in one.run_results])
    figures = (
        figure
        for one in results
        for figure in draw_figures(one.leaderboards, one.run_results, styles, with_intervals=False)
    )
    for n, (title, caption, figure) in enumerate(figures, 1):
        yield FigureView(title, caption, tuple(draw_panels(figure, title, f"figure-{n}")))


def _collect_series(results: Sequence[BenchmarkResults]) -> dict[str, SeriesView]:
    """The style of each method in all figures, by its label."""
    styles = assign_run_styles([result for one in results for result in one.run_results])
    return {
        clean_text(label): SeriesView(COLOURS.index(style.colour), MARKER_PATHS[style.marker])
        for label, style in styles.items()
    }


def _evaluate_claims(results: Sequence[BenchmarkResults], paper_path: Path | None) -> PaperVerdict | None:
    run_results = [result for one in results for result in one.run_results]
    verdict = evaluate_paper(read_paper(paper_path or default_paper_path()), run_results)
    return verdict if paper_path or verdict.evidence else None


def _build_state_counts(leaderboards: Sequence[Leaderboard]) -> dict[str, object] | None:
    """The states of methods over the tables: the headings and the rows of cells."""
    counts = count_states(leaderboards)
    if counts is None:
        return None
    heads = [(format_heading(measure), counts.tables[measure.name]) for measure in counts.measures]
    rows = [(clean_text(label), [*map(_format_count, cells.values())]) for label, cells in counts.rows.items()]
    return {"heads": heads, "rows": rows}


def _format_count(count: StateCount) -> tuple[str, int | None]:
    """Such as `best or tied in 2, worse in 1`, with the key to sort by."""
    words = {
        "best or tied": count.leading - count.doubtful,
        "(best or tied)": count.doubtful,
        "worse": count.worse,
        "undecided": count.undecided,
        "not comparable": count.not_comparable,
    }
    shown = ", ".join(f"{word} in {n}" for word, n in words.items() if n)
    return (shown, count.leading - count.doubtful - count.worse) if shown else (UNDEFINED, None)
