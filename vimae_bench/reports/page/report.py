"""The page of a report: what was compared and who leads, tables, figures, a paper's claims, where it all comes from."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from ...analysis.footnotes import format_count
from ...analysis.leaderboard_data import Leaderboard
from ...analysis.mean_ranks import MeanRanks, compute_mean_ranks
from ...claims.verdict import PaperVerdict
from ...storage.archive import real_path
from ...storage.store import RunResult
from .. import leaderboard_csv, leaderboard_latex, leaderboard_markdown
from ..claims_text import RULES, format_run_link
from ..table_format import UNDEFINED, clean_text, format_heading
from . import render_page
from .claims import build_verdict_view
from .image_grids import ImageGridView
from .provenance import Provenance
from .runs import FindLink, RunLinks, find_no_link
from .summary import join_words, list_leaders
from .tables import build_leaderboard_view

FORMATS = {
    "LaTeX": leaderboard_latex.format_leaderboards,
    "Markdown": leaderboard_markdown.format_leaderboards,
    "CSV": leaderboard_csv.format_leaderboards,
}
"""What a table is copied as."""
SECTIONS = {
    "summary": "Summary",
    "tables": "Leaderboards",
    "figures": "Figures",
    "walls": "Pictures",
    "verdict": "Published claims",
    "provenance": "Provenance",
}


@dataclass(frozen=True)
class FigureView:
    """A figure of the page, drawn already."""

    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class ReportContent:
    """What a report is made of. `start` is the page's folder, from which links lead; `mlflow` gives a run's address."""

    boards: Sequence[Leaderboard]
    titles: Sequence[str]
    origins: Sequence[Provenance]
    start: Path
    command: str
    pictures: Sequence[FigureView] = ()
    walls: Sequence[ImageGridView] = ()
    verdict: PaperVerdict | None = None
    mlflow: FindLink = find_no_link


def render_report(material: ReportContent) -> str:
    """The whole page."""
    links = RunLinks(lambda result: format_folder_link(result, material.start), material.mlflow)
    titled = list(zip(material.boards, material.titles, strict=True))
    tables = [build_leaderboard_view(f"table-{n}", board, title, links) for n, (board, title) in enumerate(titled, 1)]
    return render_page(
        "report.html.j2",
        title=join_words([origin.name for origin in material.origins]),
        subtitle=format_subtitle(material.boards),
        command=material.command,
        sections=_select_sections(material),
        runs=_count_runs(material.boards),
        compared=[_describe_table(board, title) for board, title in titled],
        leads=[(title, list(list_leaders(board))) for board, title in titled],
        tables=tables,
        overall=_build_mean_ranks(material.boards),
        pictures=material.pictures,
        walls=material.walls,
        verdict=build_verdict_view(material.verdict) if material.verdict else None,
        rules=RULES,
        origins=material.origins,
        texts={made.id: _format_texts(board) for made, board in zip(tables, material.boards, strict=True)},
    )


def format_folder_link(result: RunResult, start: Path) -> str:
    """A link to a run's folder, or to the archive that holds it; quoted, as a name may have a colon or a space."""
    return quote(os.fsencode(format_run_link(result, start))) + "/" * (real_path(result.folder) == result.folder)


def format_subtitle(boards: Sequence[Leaderboard]) -> str:
    """Such as `7 methods on mnist and cifar10, from 5 seeds`."""
    methods = {row.label for board in boards for row in board.rows}
    datasets = dict.fromkeys(board.dataset.name for board in boards)
    seeds = sorted({len(board.seeds) for board in boards})
    counts = format_count(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    return f"{format_count(len(methods), 'method')} on {join_words(list(datasets))}, from {counts}"


def _select_sections(material: ReportContent) -> dict[str, str]:
    there = {"figures": material.pictures, "walls": material.walls, "verdict": material.verdict}
    return {key: name for key, name in SECTIONS.items() if there.get(key, True)}


def _count_runs(boards: Sequence[Leaderboard]) -> str:
    """Such as `85: 84 done, 1 diverged`."""
    counts = Counter[str]()
    for row in (row for board in boards for row in board.rows):
        counts.update({word: row.count(word) for word in ("done", "diverged", "failed", "missing")})
    collapsed = sum(len(row.collapsed_seeds) for board in boards for row in board.rows)
    said = [f"{n:,} {word}" for word, n in {**counts, "of them collapsed": collapsed}.items() if n]
    return f"{counts.total():,}: {', '.join(said)}"


def _describe_table(board: Leaderboard, title: str) -> str:
    return f"{title}: {format_count(len(board.rows), 'method')}, seeds {', '.join(map(str, board.seeds))}"


def _format_texts(board: Leaderboard) -> dict[str, str]:
    return {name: make([board]) for name, make in FORMATS.items()}


def _build_mean_ranks(boards: Sequence[Leaderboard]) -> dict[str, object] | None:
    """The mean ranks over the tables, as heads and rows of cells."""
    found = compute_mean_ranks(boards)
    return (
        {"heads": [format_heading(m) for m in found.measures], "rows": list(_list_mean_ranks(found))} if found else None
    )


def _list_mean_ranks(found: MeanRanks) -> Iterator[tuple[str, Sequence[tuple[str, str, float | None]]]]:
    for row in found.rows:
        cells = [(row.mean(m.name), len(row.ranks[m.name]), found.tables[m.name]) for m in found.measures]
        shown = [
            (UNDEFINED, "", None) if mean is None else (f"{mean:.1f}", f"{n} of {of} tables", mean)
            for mean, n, of in cells
        ]
        yield clean_text(row.label), shown
