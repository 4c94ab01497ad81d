"""The structure of leaderboards in the terminal: how long, how wide, in which order; the words are others' matter."""

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from vimae_bench.analysis.summary import summarize_leaderboard
from vimae_bench.reports.leaderboard_terminal import LeaderboardScreen, render_leaderboards

WIDTHS = (80, 120, 200)
RULE = "───"


def printed(boards, width: int = 80, *, colours: str | None = None, **view: bool) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=colours is not None, color_system=colours)
    console.print(LeaderboardScreen(tuple(boards), **view))
    return console.file.getvalue()


def list_rows(text: str) -> dict[str, str]:
    """What follows the name of each row of a grid: its cells, by the first words of the name."""
    rows = {}
    for line in text.split(RULE, 1)[1].splitlines():
        if line.startswith(" "):
            break
        name, *cells = re.split(r" {2,}", line.strip())
        if cells:
            rows[name] = "  ".join(cells)
    return rows


@pytest.mark.parametrize("width", WIDTHS)
def test_a_screen_answers_in_order_and_fits(finished, width: int):
    (board,) = finished.boards()
    summary = summarize_leaderboard(board)
    text = printed([board], width)
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= 40
    assert "…" not in text
    marks = [board.title, "5 seeds", *(topic.name for topic in summary.topics if topic.sentence), RULE, "±"]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    words = " ".join(text.split())
    assert summary.order in words
    assert "--all" in words
    assert all(" ".join(sentence.split()) in words for sentence in summary.certainty)


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_grouped_and_marked(finished, width: int):
    text = printed(finished.boards(), width)
    rows = list_rows(text)
    assert list(rows) == ["AE", "VAE", "VIMAE-n", "β_H-VAE †", "InfoVAE †", "raw pixels", "PCA, d = 2"]
    assert text.count("\n" + RULE) == 3, "below the heads, the methods, and what is not comparable"
    assert "25±1★" in rows["AE"].replace(" ", "")
    assert "†" in rows["β_H-VAE †"]


def test_a_narrow_screen_has_the_measure_of_the_order_and_one_of_each_topic_first(finished):
    (board,) = finished.boards(rank_by="svm clean")
    heads = printed([board], 44).split(RULE)[0].splitlines()[-4:]
    assert "SVM" in "".join(heads)
    assert "Rate" not in "".join(heads)
    assert "Rate" in "".join(printed([board], 120).split(RULE)[0].splitlines()[-4:])


def test_long_names_wrap_and_widen_nothing(results):
    name = "training images blurred by a kernel of exactly 1.2 pixels"
    for seed in range(5):
        results.add("AE", seed, sse=25.0 + seed, **{"svm clean": 80.0 + seed})
        results.add("VAE", seed, sse=30.0 + seed, **{"svm clean": 70.0 + seed})
    results.refer("svm", {name: 88.0})
    for view in ({}, {"is_complete": True}):
        text = printed(results.boards(), 80, **view)
        assert max(map(cell_len, text.splitlines())) <= 80
        grid = text.split(RULE, 1)[1]
        indented = [line for line in grid.splitlines() if "88" in line or line.startswith(("blurred", "kernel", "of"))]
        assert all(cell_len(re.split(r" {2,}", line)[0]) <= 20 for line in indented)
        assert "training images" in grid


def test_of_many_baselines_the_best_stands_for_all_unless_everything_is_shown(finished):
    finished.refer("svm", {"raw pixels": 88.0, "PCA, d = 2": 41.0, "other": 12.0})
    boards = finished.boards()
    rows = list_rows(printed(boards, 200))
    assert [name for name in rows if name not in {row.label for row in boards[0].rows}][2:] == ["best of 3 baselines"]
    assert "88" in rows["best of 3 baselines"]
    every = printed(boards, 200, is_complete=True)
    assert all(f"\n{name} " in every for name in ("raw pixels", "PCA, d = 2", "other"))


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_has_every_measure_statement_and_note(finished, width: int):
    (board,) = finished.boards()
    text = printed([board], width, is_complete=True)
    assert max(map(cell_len, text.splitlines())) <= width
    words = " ".join(text.split())
    assert all(" ".join(one.line.split()) in words for one in board.summary)
    assert all(" ".join(note.split()) in words for note in board.notes)
    assert "…" not in text
    assert text.count(board.title) == 1
    assert words.count("25.1 ± 1.0 ★") == 1
    assert re.search(r"InfoVAE † +3 of 5 +19\.7 +†", text)


def test_named_columns_are_all_shown_in_their_order(finished):
    (board,) = finished.boards(columns=("rate", "svm clean", "sse"))
    text = printed([board], 60, were_named=True)
    heads = text.split(RULE)[0].splitlines()[-4:]
    places = [next(line.index(word) for line in heads if word in line) for word in ("Rate", "SVM", "Squared")]
    assert places == sorted(places)
    assert max(map(cell_len, text.splitlines())) <= 60


def test_several_tables_share_what_they_have_in_common(finished):
    (board,) = finished.boards()
    noted = replace(board, brief_notes=("Runs come from 2 commits.",))
    other = replace(noted, title="another table", brief_notes=("Runs come from 2 commits.", "A warning."))
    text = printed([noted, other])
    assert text.count("Runs come from 2 commits.") == 1
    assert text.count("A warning.") == 1
    assert text.index("another table") < text.index("Runs come") < text.index("★ better")


def test_colour_says_nothing_that_a_mark_does_not(finished):
    boards = finished.boards()
    text = printed(boards, colours="standard")
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == printed(boards)
    assert text.count("\x1b[1;32m") == printed(boards).count("★") - 1, "the legend has one more"


def test_no_colour_is_used_where_none_is_wanted(finished, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3\d", printed(finished.boards(), colours="standard"))


def test_benchmarks_without_results_are_shown(results):
    results.add("VAE", 0, "missing")
    for text in (printed(results.boards()), printed(results.boards(), is_complete=True), printed([])):
        assert "…" not in text
    assert "VAE" in printed(results.boards())
    assert render_leaderboards(results.boards()).is_complete
