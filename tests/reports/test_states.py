"""Made-up results of which the truth is known: every table, page, frame and figure shows the right states."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from rich.console import Console

from vimae_bench.analysis.comparison import compare_methods
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.leaderboard_data import Leaderboard
from vimae_bench.analysis.load import load_benchmark_results
from vimae_bench.analysis.summary import select_key_columns, summarize_leaderboard
from vimae_bench.core.results import Estimate, Measure
from vimae_bench.execution import MatrixEntry, PluginSpec, Run, Training
from vimae_bench.notebook.frames import build_leaderboard, build_pairs
from vimae_bench.notebook.html import format_leaderboards as format_html
from vimae_bench.reports import intervals, leaderboard_csv, leaderboard_json, leaderboard_latex, leaderboard_markdown
from vimae_bench.reports.leaderboard_terminal import render_leaderboards
from vimae_bench.reports.page.first_screen import build_first_screen
from vimae_bench.reports.page.runs import RunLinks, find_no_link
from vimae_bench.reports.page.tables import build_leaderboard_view
from vimae_bench.reports.plot_style import BLUE, ORANGE
from vimae_bench.reports.table_format import format_heading, format_lines
from vimae_bench.reports.win_rates import EQUIVALENT_COLOUR, draw_win_rates, select_measures, select_rows
from vimae_bench.storage.store import Baselines, RunResult

ROOT = Path(__file__).parents[2]
RATE = Measure("rate", "nats", None, collapse_below=0.1)
WON, EQUAL, OPEN = (
    Measure("sse", "", "lower", scale="log"),
    Measure("accuracy", "%", "higher", margin=1.0),
    Measure("mmd2", "", "lower", rewards_collapse=True),
)
"""The first has a winner; under the second two methods are equal within the margin, under the third without one."""

METHODS = ("winner", "twin", "other twin", "sloth", "wild", "still", "once", "lost", "again")
"""`wild` and `still` collapse with large and small variance, `once` on one seed; `lost` lacks a seed, `again` is the
control of `twin`, and `sloth` has nearly collapsed."""
COMPARABLE = METHODS[:4]
NO_STATE = dict.fromkeys(METHODS[4:8], "not comparable")
TRUTH: dict[str, dict[str, str]] = {
    "sse": {"winner": "best", "twin": "worse", "other twin": "worse", "sloth": "worse", **NO_STATE},
    "accuracy": {"winner": "worse", "twin": "not worse", "other twin": "not worse", "sloth": "worse", **NO_STATE},
    "mmd2": {"winner": "worse", "twin": "undecided", "other twin": "undecided", "sloth": "worse", **NO_STATE},
}
MARKS = {"best": "★", "not worse": "★=", "worse": "", "undecided": "?", "not comparable": "†", None: ""}

Marks = dict[tuple[str, str], str]
"""The mark of each method under each measure."""


def make_board(seed: int, seeds: int = 5, scale: float = 1.0) -> Leaderboard:
    """A table of all methods; twins have different noise and exactly the same mean."""
    generator = np.random.default_rng(seed)
    centres = {
        "winner": (20.0, 70.0, 9.0),
        "twin": (30.0, 90.0, 1.0),
        "other twin": (30.0, 90.0, 1.0),
        "sloth": (50.0, 40.0, 5.0),
        "wild": (15.0, 97.0, 0.0),
        "still": (10.0, 99.0, 0.0),
        "once": (10.0, 99.0, 0.0),
        "lost": (10.0, 99.0, 0.0),
        "again": (30.0, 90.0, 1.0),
    }
    run_results = list[RunResult]()
    shared = generator.normal(0, 0.3, (seeds, 3))
    for label in METHODS:
        own = 0.1 * _centre(generator.normal(0, 1, (seeds, 3)))
        own *= {"wild": 200.0, "still": 0.001}.get(label, 1.0)
        values = np.array(centres[label]) + np.array([0.1, 0.2, 0.01]) * shared + np.array([1, 1, 0.1]) * own
        for i in range(seeds - (label == "lost")):
            collapses = label in ("wild", "still") or (label == "once" and i == 1)
            rate = 0.01 if collapses else 0.9 if label == "sloth" else 40.0
            numbers = dict(zip((WON, EQUAL, OPEN), np.abs(values[i]) * scale, strict=True))
            run_results.append(make_result(label, i, {RATE: rate, **numbers}))
    baseline = {"PCA": {"accuracy": Estimate(95.0 * scale, 100)}}
    untrained = Baselines(PluginSpec("mnist"), 2, {"accuracy": EQUAL}, baseline)
    (board,) = build_leaderboards(run_results, [untrained], margins={"accuracy": f"{scale:.6f} %"})
    return board


def _centre(noise: np.ndarray) -> np.ndarray:
    """Noise whose mean over seeds is 0, so that equal methods have equal means."""
    return noise - noise.mean(0)


def make_result(label: str, seed: int, numbers: Mapping[Measure, float]) -> RunResult:
    parts = [PluginSpec("mnist"), PluginSpec("mlp"), PluginSpec("elbo", {"row": label}), PluginSpec("normal")]
    control = {"paired_seed": seed, "control_of": "twin"} if label == "again" else {}
    entry = MatrixEntry(label, Run(*parts, 2, Training(), seed + 1000 * bool(control)), (), **control)
    return RunResult(
        entry,
        Path("results/runs") / f"{label}-{seed}",
        "done",
        measures={measure.name: measure for measure in numbers},
        estimates={measure.name: Estimate(float(value), 1000, 0.1) for measure, value in numbers.items()},
    )


def split_name(text: str) -> str:
    """The label in the first cell of a row."""
    return re.sub(r"( \(control\)| \(A/A\))?( †| \\dag\{\})?$", "", text.strip())


def read_mark(text: str) -> str:
    """The mark after a number in a cell, without those that qualify it."""
    return "".join(re.findall(r"★=|[★?†]", text))


def read_table(lines: list[list[str]]) -> Marks:
    """The marks in a table of text, whose first row has the names of the measures and first column those of methods."""
    heads = [re.match(r"[\w ]*\w", head.strip().replace("\\", "")) for head in lines[0][2:]]
    names = [head[0] for head in heads if head]
    rows = [line for line in lines[1:] if split_name(line[0]) in METHODS]
    return {
        (split_name(row[0]), name): read_mark(cell)
        for row in rows
        for name, cell in zip(names, row[2:], strict=True)
        if name in TRUTH
    }


def read_terminal(board: Leaderboard) -> Marks:
    console = Console(width=300, file=io.StringIO(), color_system=None)
    console.print(render_leaderboards([board]))
    lines = console.file.getvalue().splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("───"))
    number = r"–|-?\d[\d.]*(?: ± +[\d.]+)?(?: \(\d+ of \d+\))?(?: +[(]?[★?†‡§][★=?†‡§() ]*?(?=  |$))?"  # noqa: RUF001
    rows = [re.match(r"(\S.*?) {2,}(\d+(?: of \d+)?|–) {2,}(.*)", line) for line in lines[rule:]]  # noqa: RUF001
    cells = [[row[1], row[2], *re.findall(number, row[3])] for row in rows if row]
    return read_table([["", "seeds", *summarize_leaderboard(board).columns], *cells])


def read_markdown(board: Leaderboard) -> Marks:
    text = leaderboard_markdown.format_leaderboards([board])
    return read_table([re.split(r" \| ", line.strip("| ")) for line in text.splitlines() if line.startswith("|")])


def read_latex(board: Leaderboard) -> Marks:
    text = leaderboard_latex.format_leaderboards([board])
    signs = {r"$\star$": "★", r"\dag{}": "†", r"\ddag{}": "‡"}
    for command, sign in signs.items():
        text = text.replace(command, sign)
    rows = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r"\\")]
    return read_table(rows)


def read_json(board: Leaderboard) -> Marks:
    (found,) = json.loads(leaderboard_json.format_leaderboards([board]))["leaderboards"]
    return {
        (row["method"], name): MARKS[row["entries"][name]["state"]]
        for row in found["rows"]
        for name in TRUTH
        if name in row["entries"]
    }


def read_csv(board: Leaderboard) -> Marks:
    rows = csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards([board])))
    return {
        (row["method"], row["measure"]): MARKS[row["state"] or None]
        for row in rows
        if row["kind"] in ("method", "control") and row["measure"] in TRUTH
    }


def read_frame(board: Leaderboard) -> Marks:
    frame = build_leaderboard([("made-up", board)])
    frame = frame[frame["kind"].isin(["method", "control"]) & frame["measure"].isin(TRUTH)]
    states = frame["state"].astype(object).where(frame["state"].notna(), None)
    return {
        (method, measure): MARKS[state]
        for method, measure, state in zip(frame["method"], frame["measure"], states, strict=True)
    }


def read_notebook(board: Leaderboard) -> Marks:
    rows = re.findall(r"<tr.*?</tr>", format_html([board]))
    return read_table([re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows])


def read_page(board: Leaderboard) -> Marks:
    view = build_leaderboard_view("table-1", board, board.title, RunLinks(find_no_link))
    return {
        (split_name(row.label), column.name): read_mark(cell.shown.marks)
        for row in view.rows
        for column, cell in zip(view.columns, row.cells, strict=True)
        if column.name in TRUTH and split_name(row.label) in METHODS
    }


def read_figure(board: Leaderboard) -> Marks:
    panels = dict(zip(select_key_columns(board) or board.columns, intervals.draw_intervals(board).axes, strict=False))
    return {
        (board.rows[round(text.get_position()[1])].label, name): read_mark(text.get_text())
        for name in TRUTH
        for text in panels[name].texts
        if text.get_position()[0] == 1.01  # where marks are
    }


SURFACES: dict[str, Callable[[Leaderboard], Marks]] = {
    "terminal": read_terminal,
    "markdown": read_markdown,
    "latex": read_latex,
    "json": read_json,
    "csv": read_csv,
    "frame": read_frame,
    "notebook": read_notebook,
    "page": read_page,
    "figure": read_figure,
}


def expect_marks(*, ranked: bool = True) -> Marks:
    states = {(label, name): truth.get(label) for name, truth in TRUTH.items() for label in METHODS}
    return {place: MARKS[state] if ranked or state == "not comparable" else "" for place, state in states.items()}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 9), st.sampled_from([1e-3, 1.0, 1e3]))
def test_states_are_true(seed: int, seeds: int, scale: float):
    board = make_board(seed, seeds, scale)
    for name, truth in TRUTH.items():
        assert {label: board.decisions[name].get_state(label) for label in board.decisions[name].methods} == truth
    assert (
        board.decisions["mmd2"].methods["sloth"].qualification
        == "nearly collapsed (rate 0.9 against a median of 40 nats)"
    )
    assert board.decisions["sse"].methods["sloth"].qualification == ""


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("seed", range(2))
def test_every_surface_shows_the_states(surface: str, seed: int):
    assert SURFACES[surface](make_board(seed)) == expect_marks()


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("seeds", [2, 4])
def test_no_surface_ranks_fewer_than_five_seeds(surface: str, seeds: int):
    board = make_board(0, seeds)
    assert SURFACES[surface](board) == expect_marks(ranked=False)
    assert [row.label for row in board.rows if row.label in COMPARABLE] == list(COMPARABLE)


def test_no_interval_of_two_seeds_is_shown():
    board = make_board(0, 2)
    console = Console(width=300, file=io.StringIO(), color_system=None)
    console.print(render_leaderboards([board]))
    for text in (
        console.file.getvalue(),
        leaderboard_markdown.format_leaderboards([board]),
        leaderboard_latex.format_leaderboards([board]),
        format_html([board]),
    ):
        assert not re.search(r"±|\\pm", text)
    rows = csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards([board])))
    assert {(row["low"], row["high"]) for row in rows} == {("", "")}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.floats(0, 100))
def test_nothing_collapsed_incomplete_or_repeated_ever_leads(seed: int, seeds: int, lead: float):
    """Whatever the numbers are, however good they look."""
    generator = np.random.default_rng(seed)
    results = list[RunResult]()
    for label in METHODS:
        spread = generator.choice([1e-9, 1.0, 30.0])
        values = np.abs(generator.normal(50 - lead * (label not in COMPARABLE), spread, (seeds, 3))) + 1e-9
        for i in range(seeds - (label == "lost" and seeds > 1)):
            collapses = label in ("wild", "still") or (label == "once" and i == seeds - 1)
            numbers = dict(zip((WON, EQUAL, OPEN), values[i], strict=True))
            results.append(make_result(label, i, {RATE: 0.0 if collapses else 5.0, **numbers}))
    (board,) = build_leaderboards(results)
    allowed = {*COMPARABLE, *(["lost"] if seeds == 1 else [])}
    for decision in board.decisions.values():
        assert set(decision.leaders) <= (allowed if seeds >= 5 else set())
        assert {label for pair in decision.pairs for label in pair} <= allowed
        assert "again" not in decision.methods
    marked = {label for (label, _), mark in read_page(board).items() if "★" in mark}
    assert marked <= set(COMPARABLE)
    summary = " ".join(statement.text for statement in board.summary)
    assert not any(label in summary for label in ("wild", "still", "once", "again"))


def test_the_summary_says_what_the_marks_say():
    board = make_board(3)
    lines = [statement.line for statement in board.summary]
    assert lines[:2] == [
        "sse: winner is significantly better than the other 3 comparable methods.",
        "accuracy: twin and other twin are tied: equally good, within 1 percentage point; winner and sloth are worse.",
    ]
    assert lines[2].startswith("mmd2: undecided between twin and other twin; winner and sloth are worse; ")
    assert re.search(r" seeds would (not )?decide it\.$", lines[2])
    assert lines[3:] == ["accuracy: against PCA all 4 are worse."]


def test_a_nearly_collapsed_leader_is_qualified_on_every_surface():
    results = [
        make_result(label, seed, {RATE: rate, OPEN: value + 1e-4 * ((seed * 3 + place) % 5)})
        for place, (label, rate, value) in enumerate((("sloth", 0.9, 0.1), ("twin", 36.0, 0.5), ("winner", 44.0, 0.9)))
        for seed in range(5)
    ]
    (board,) = build_leaderboards(results)
    sentence = "sloth is nearly collapsed (rate 0.9 against a median of 40 nats), which"
    console = Console(width=300, file=io.StringIO(), color_system=None)
    console.print(render_leaderboards([board]))
    terminal = console.file.getvalue()
    markdown, as_json = (form.format_leaderboards([board]) for form in (leaderboard_markdown, leaderboard_json))
    for text in (terminal, markdown, as_json, format_html([board])):
        assert sentence in text
    assert "(★) ‡" in terminal
    screen = build_first_screen(1, board, "a title", None)
    place = [column.name for column in screen.columns].index("mmd2")
    cells = [row.cells[place] for _, rows in screen.groups for row in rows if row.label == "sloth"]
    assert [(cell.kind, [mark for mark, _ in cell.marks]) for cell in cells] == [("meaningless", ["(★)", "‡"])]
    assert r"($\star$) \ddag{}" in leaderboard_latex.format_leaderboards([board])
    rows = csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards([board])))
    (row,) = [row for row in rows if row["state"] == "best"]
    assert row["qualification"] == "nearly collapsed (rate 0.9 against a median of 40 nats)"


def test_pairs_are_the_same_on_every_surface():
    check_pairs(make_board(4))


@pytest.mark.medium
@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_committed_results_have_the_same_states_and_pairs_on_every_surface(name: str):
    boards = load_benchmark_results(ROOT / "results" / name, ROOT).leaderboards
    for board in boards:
        check_pairs(board)
        check_states(board)


@pytest.mark.slow
def test_the_quickstart_has_the_same_states_and_pairs_on_every_surface(tmp_path: Path):
    """With two epochs instead of all."""
    file = ROOT / "benchmarks" / "quickstart.toml"
    options = ("-o", "training.epochs=2", "--no-mlflow", "--results", str(tmp_path))
    subprocess.run([sys.executable, "-m", "vimae_bench", "run", str(file), *options], check=True, capture_output=True)
    (board,) = load_benchmark_results(tmp_path / "quickstart", tmp_path).leaderboards
    assert board.decisions
    check_pairs(board)
    check_states(board)


def check_states(board: Leaderboard) -> None:
    """Tables, JSON, page and figure give each method the state of its decision, whatever the measures are."""
    (read,) = json.loads(leaderboard_json.format_leaderboards([board]))["leaderboards"]
    view = build_leaderboard_view("table-1", board, board.title, RunLinks(find_no_link))
    panels = dict(zip(select_key_columns(board) or board.columns, intervals.draw_intervals(board).axes, strict=False))
    lines = list(format_lines(board))
    for y, (row, line) in enumerate(zip(board.rows, lines, strict=False)):
        for x, name in enumerate(board.columns):
            decision, summary = board.decisions.get(name), row.summaries.get(name)
            state = decision.get_state(row.label) if decision else None
            if summary:
                assert read["rows"][y]["entries"][name]["state"] == state
            if summary and name in panels:
                (drawn,) = [text for text in panels[name].texts if text.get_position() == (1.01, y)]
                assert read_mark(drawn.get_text()) == MARKS[state]
            for cell in (line.cells[x], view.rows[y].cells[x].shown):
                assert read_mark(cell.marks) == MARKS[state]
                assert cell.leads == bool(decision and decision.is_evidently_leading(row.label))


def check_pairs(board: Leaderboard) -> None:
    """JSON, CSV, frame, page, win rates and `compare` give each pair the outcome of its decision."""
    expected = {
        (name, *pair): (decision.pairs[pair].outcome, decision.pairs[pair].better)
        for name, decision in board.decisions.items()
        for pair in decision.pairs
    }
    (read,) = json.loads(leaderboard_json.format_leaderboards([board]))["leaderboards"]
    found = {
        (name, pair["a"], pair["b"]): (pair["outcome"], pair["better"])
        for name, decision in read["decisions"].items()
        for pair in decision["pairs"]
    }
    assert found == expected
    rows = csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards([board])))
    pairs = [row for row in rows if row["kind"] == "pair"]
    assert {(p["measure"], p["method"], p["other"]): (p["outcome"], p["winner"]) for p in pairs} == expected
    frame = build_pairs([("made-up", board)])
    frame = frame[frame["kind"] == "pair"]
    columns = (frame[name] for name in ("measure", "method", "other", "outcome", "winner"))
    assert {tuple(row[:3]): (row[3], row[4]) for row in zip(*columns, strict=True)} == expected
    view = build_leaderboard_view("table-1", board, board.title, RunLinks(find_no_link))
    words = {(head, a, b): text for head, a, b, *_, text in view.pairs}
    for (name, a, b), (outcome, better) in expected.items():
        shown = words[format_heading(board.measures[name]), a, b]
        assert shown.startswith(f"{better} is better" if better else outcome)
    names = [measure.name for measure in select_measures(board)]
    panels = draw_win_rates(board).axes[len(names) > 1 :] if names else []
    drawn = {
        (name, *pair): cell for name, axes in zip(names, panels, strict=True) for pair, cell in read_cells(board, axes)
    }
    turned = {(name, b, a): outcome for (name, a, b), outcome in expected.items()}
    assert drawn == {key: (expected | turned)[key] for key in drawn}
    assert len(drawn) == sum(name in names for name, *_ in expected)
    for pair in {place[1:] for place in expected}:
        (comparison,) = compare_methods([board], *pair)
        for row in comparison.rows:
            outcome, better = expected.get((row.measure.name, *pair), (row.outcome, ""))
            assert row.outcome == {pair[0]: "better", pair[1]: "worse", "": outcome}[better]


def read_cells(board: Leaderboard, axes: Axes) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """The outcome and the better method of each cell, by its colour."""
    labels = [row.label for row in select_rows(board)]
    for patch in axes.patches:
        x, y = round(patch.get_x() + 0.46), round(patch.get_y() + 0.46)
        found = {
            "#ffffff": ("undecided", ""),
            EQUIVALENT_COLOUR.lower(): ("equivalent", ""),
            BLUE.lower(): ("different", labels[y]),
            ORANGE.lower(): ("different", labels[x]),
        }
        yield (labels[y], labels[x]), found[to_hex(patch.get_facecolor())]
