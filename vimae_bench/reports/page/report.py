"""The page of a report: what was compared and who leads, tables, figures, a paper's claims, where it all comes from."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from ...analysis.footnotes import many
from ...analysis.leaderboard_data import Leaderboard
from ...analysis.mean_ranks import MeanRanks, compute_mean_ranks
from ...claims.verdict import Report
from ...storage.store import RunResult
from .. import claims_text as judgement
from .. import leaderboard_csv as csv_file
from .. import leaderboard_latex as latex
from .. import leaderboard_markdown as markdown
from ..table_format import UNDEFINED, heading, plain
from . import claims as judged
from . import render
from .image_grids import Wall
from .provenance import Origin
from .runs import Link, Links, no_link
from .summary import leads, listed
from .tables import table

FORMATS = {"LaTeX": latex.render, "Markdown": markdown.render, "CSV": csv_file.render}
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
class Picture:
    """A figure of the page, drawn already."""

    title: str
    caption: str
    drawn: Markup


@dataclass(frozen=True)
class Material:
    """What a report is made of. `start` is the page's folder, from which links lead; `mlflow` gives a run's address."""

    boards: Sequence[Leaderboard]
    titles: Sequence[str]
    origins: Sequence[Origin]
    start: Path
    command: str
    pictures: Sequence[Picture] = ()
    walls: Sequence[Wall] = ()
    verdict: Report | None = None
    mlflow: Link = no_link


def page(material: Material) -> str:
    """The whole page."""
    links = Links(lambda result: folder(result, material.start), material.mlflow)
    titled = list(zip(material.boards, material.titles, strict=True))
    tables = [table(f"table-{n}", board, title, links) for n, (board, title) in enumerate(titled, 1)]
    return render(
        "report.html.j2",
        title=listed([origin.name for origin in material.origins]),
        subtitle=subtitle(material.boards),
        command=material.command,
        sections=_sections(material),
        runs=_runs(material.boards),
        compared=[_compared(board, title) for board, title in titled],
        leads=[(title, list(leads(board))) for board, title in titled],
        tables=tables,
        overall=_overall(material.boards),
        pictures=material.pictures,
        walls=material.walls,
        verdict=judged.view(material.verdict) if material.verdict else None,
        rules=judgement.RULES,
        origins=material.origins,
        texts={made.id: _texts(board) for made, board in zip(tables, material.boards, strict=True)},
    )


def folder(result: RunResult, start: Path) -> str:
    """A run's folder as an address that leads from the page's own; a colon in a name makes it no other scheme."""
    return quote(os.fsencode(judgement.link(result, start))) + "/"


def subtitle(boards: Sequence[Leaderboard]) -> str:
    """Such as `7 methods on mnist and cifar10, from 5 seeds`."""
    methods = {row.label for board in boards for row in board.rows}
    datasets = dict.fromkeys(board.dataset.use for board in boards)
    seeds = sorted({len(board.seeds) for board in boards})
    counts = many(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    return f"{many(len(methods), 'method')} on {listed(list(datasets))}, from {counts}"


def _sections(material: Material) -> dict[str, str]:
    there = {"figures": material.pictures, "walls": material.walls, "verdict": material.verdict}
    return {key: name for key, name in SECTIONS.items() if there.get(key, True)}


def _runs(boards: Sequence[Leaderboard]) -> str:
    """Such as `85: 84 done, 1 diverged`."""
    counts = Counter[str]()
    for row in (row for board in boards for row in board.rows):
        counts.update({word: row.count(word) for word in ("done", "diverged", "failed", "missing")})
    collapsed = sum(len(row.collapsed_seeds) for board in boards for row in board.rows)
    said = [f"{n:,} {word}" for word, n in {**counts, "of them collapsed": collapsed}.items() if n]
    return f"{counts.total():,}: {', '.join(said)}"


def _compared(board: Leaderboard, title: str) -> str:
    return f"{title}: {many(len(board.rows), 'method')}, seeds {', '.join(map(str, board.seeds))}"


def _texts(board: Leaderboard) -> dict[str, str]:
    return {name: make([board]) for name, make in FORMATS.items()}


def _overall(boards: Sequence[Leaderboard]) -> dict[str, object] | None:
    """The mean ranks over the tables, as heads and rows of cells."""
    found = compute_mean_ranks(boards)
    return {"heads": [heading(m) for m in found.measures], "rows": list(_ranked(found))} if found else None


def _ranked(found: MeanRanks) -> Iterator[tuple[str, Sequence[tuple[str, str, float | None]]]]:
    for row in found.rows:
        cells = [(row.mean(m.name), len(row.ranks[m.name]), found.tables[m.name]) for m in found.measures]
        shown = [
            (UNDEFINED, "", None) if mean is None else (f"{mean:.1f}", f"{n} of {of} tables", mean)
            for mean, n, of in cells
        ]
        yield plain(row.label), shown
