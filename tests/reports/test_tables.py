"""The text formats: what they show, and that no name breaks out of them."""

import csv
import io
import json
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from vimae_bench.analysis.comparison import compare_methods
from vimae_bench.reports import leaderboard_csv, leaderboard_json, leaderboard_latex, leaderboard_markdown
from vimae_bench.reports.comparison_terminal import render_comparisons
from vimae_bench.reports.leaderboard_terminal import render_leaderboards
from vimae_bench.reports.table_format import UNDEFINED, choose_decimals, clean_text, format_number

NASTY = "a[/oops]b [red]|_x_|\x1b[31m\u202e\x07 100% & $y_1$ #{z} ^~\\"


def printed(renderable, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


@pytest.fixture
def nasty(results):
    """A label that is markup, an escape sequence and a formula at once, in a run that failed with such a reason."""
    for seed in range(2):
        results.add(NASTY, seed, sse=30.0 + seed)
        results.add("=HYPERLINK(1)", seed, sse=25.0 + seed)
        results.add("[*] first in its row", seed, "failed", NASTY)
    return results


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x1b[31mb", "a[31mb"), ("a\nb\tc\u2028d", "a b c d"), ("\u202eabc\u200b", "abc"), ("β_H · é", "β_H · é")],
)
def test_clean_text_has_no_control_characters(text: str, shown: str):
    assert clean_text(text) == shown


@pytest.mark.parametrize(
    ("halves", "values", "digits"),
    [
        ([0.12], [25.3], 2),
        ([3.4, 0.9, 1.2], [25.0], 1),
        ([120.0], [3000.0], 0),
        ([], [0.02], 5),
        ([], [81.25], 2),
        ([], [], 0),
    ],
)
def test_decimals_depend_on_the_uncertainty(halves: list[float], values: list[float], digits: int):
    assert choose_decimals(halves, values) == digits


def test_number_is_never_negative_zero():
    assert format_number(-0.0004, 2) == "0.00"


def test_terminal_prints_names_as_text(nasty):
    text = printed(render_leaderboards(nasty.boards()), 200)
    assert "a[/oops]b [red]" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", text)


def test_markdown_shows_the_table(finished):
    text = leaderboard_markdown.format_leaderboards(finished.boards())
    assert "### mnist, mlp, d = 2, 80 epochs" in text
    assert f"| AE | 5 | **25.1 ± 1.0** ★ | {UNDEFINED} |" in text
    assert f"| *raw pixels* {f'| {UNDEFINED} ' * 4}| 88.00 |" in text
    assert "| InfoVAE † | 3 of 5 | 19.7 † |" in text
    assert "- SVM accuracy (clean): against raw pixels all 3 are worse." in text


def test_markdown_keeps_names_in_their_cells(nasty):
    table = [
        line for line in leaderboard_markdown.format_leaderboards(nasty.boards()).splitlines() if line.startswith("|")
    ]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {4}
    assert any(r"a\[/oops\]b \[red\]\|\_x\_\|" in line for line in table)
    assert leaderboard_markdown.escape_markdown("<script>") == "&lt;script&gt;"


def test_latex_shows_the_table(finished):
    text = leaderboard_latex.format_leaderboards(finished.boards())
    assert r"\toprule" in text
    sse, mmd2 = r"{\boldmath$25.1 \pm 1.0$}\textsuperscript{$\star$}", r"$0.0199 \pm 0.0028$\textsuperscript{?}"
    assert rf"AE & 5 & {sse} & -- & {mmd2}" in text
    assert r"$\beta$\_H-VAE \dag{}" in text
    assert r"Squared error $\downarrow$" in text


def test_latex_escapes_special_characters(nasty):
    text = leaderboard_latex.format_leaderboards(nasty.boards())
    assert r"100\% \& \$y\_1\$ \#\{z\} \textasciicircum{}\textasciitilde{}\textbackslash{}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {2}
    bare = re.sub(r"\\.", "", re.sub(r"\\textbackslash\{\}", "", text))
    assert bare.count("{") == bare.count("}")
    assert r"{[}{*}] first in its row" in text


@pytest.mark.parametrize(
    ("letter", "command"),
    [("β", r"$\beta$"), ("λ", r"$\lambda$"), ("Σ", r"$\Sigma$"), ("Α", "A"), ("ο", "o"), ("é", "é")],  # noqa: RUF001
)
def test_latex_writes_greek_letters_as_mathematics(letter: str, command: str):
    assert leaderboard_latex.escape_latex(letter) == command


def test_csv_has_a_row_for_each_method_and_measure_in_full_precision(finished):
    board = finished.board()
    rows = list(csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards([board]))))
    methods = [row for row in rows if row["kind"] == "method"]
    assert len(methods) == 5 * 4
    (row,) = [row for row in methods if (row["method"], row["measure"]) == ("VAE", "sse")]
    entry = board.rows[1].summaries["sse"]
    assert float(row["mean"]) == entry.mean
    assert (float(row["low"]), float(row["high"])) == entry.interval
    assert (row["state"], row["worse_than"], row["undecided_with"]) == ("worse", "AE", "VIMAE-n")
    assert (row["n"], row["unit"], row["covers"]) == ("5", "[0,1]^2", "seeds")
    (lost,) = [row for row in methods if (row["method"], row["measure"]) == ("InfoVAE", "svm clean")]
    assert (lost["n"], lost["mean"], lost["done"], lost["diverged"]) == ("0", "", "3", "2")
    assert [row["mean"] for row in rows if row["kind"] == "reference"] == ["88.0", "41.0"]


def test_csv_has_a_row_for_each_pair_and_measure(finished):
    board = finished.board()
    rows = list(csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards([board]))))
    pairs = [row for row in rows if row["kind"] == "pair"]
    assert len(pairs) == 3 + 3 + 3
    (row,) = [row for row in pairs if (row["measure"], row["method"], row["other"]) == ("sse", "AE", "VAE")]
    pair = board.decisions["sse"].get_pair("AE", "VAE")
    assert (float(row["difference"]), float(row["low"]), float(row["high"])) == (pair.difference, *pair.interval)
    assert (float(row["p"]), row["outcome"], row["winner"]) == (pair.p, "different", "AE")
    against = [row for row in rows if row["kind"] == "reference pair"]
    assert [(row["other"], row["outcome"], row["winner"]) for row in against if row["method"] == "VAE"] == [
        ("raw pixels", "different", "raw pixels"),
        ("PCA, d = 2", "different", "VAE"),
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\x00=1"])
def test_csv_disarms_formulas(text: str):
    assert str(leaderboard_csv.guard_against_formula(text)).startswith("'")


def test_csv_leaves_numbers_and_names_alone(nasty):
    assert leaderboard_csv.guard_against_formula(-1.5) == -1.5
    assert leaderboard_csv.guard_against_formula("β_H-VAE") == "β_H-VAE"
    assert {
        row["method"] for row in csv.DictReader(io.StringIO(leaderboard_csv.format_leaderboards(nasty.boards())))
    } == {
        clean_text(NASTY),
        "'=HYPERLINK(1)",
        "[*] first in its row",
    }


def test_json_contains_everything(finished):
    (board,) = json.loads(leaderboard_json.format_leaderboards(finished.boards()))["leaderboards"]
    assert board["columns"] == ["sse", "rate", "mmd2", "svm clean"]
    rows = {row["method"]: row for row in board["rows"]}
    leader = rows["AE"]["entries"]["sse"]
    assert (leader["state"], leader["better_than"], leader["covers"]) == ("best", ["VAE", "VIMAE-n"], "seeds")
    assert rows["InfoVAE"]["entries"]["sse"]["reason"] == "has 3 of 5 seeds"
    decision = board["decisions"]["sse"]
    assert [(pair["a"], pair["b"], pair["outcome"]) for pair in decision["pairs"]] == [
        ("AE", "VAE", "different"),
        ("AE", "VIMAE-n", "different"),
        ("VAE", "VIMAE-n", "undecided"),
    ]
    assert decision["statements"] == ["AE is significantly better than the other 2 comparable methods."]
    assert board["decisions"]["svm clean"]["statements"][1:] == [
        "against raw pixels all 3 are worse.",
        "against PCA, d = 2 all 3 are better.",
    ]
    assert rows["β_H-VAE"]["collapsed"] == [0, 1, 2, 3, 4]
    assert [run["status"] for run in rows["InfoVAE"]["runs"]] == ["done"] * 3 + ["diverged"] * 2
    assert all(run["folder"].startswith("runs/elbo-mnist-mlp-s") for run in rows["AE"]["runs"])
    assert len(rows["AE"]["entries"]["sse"]["by_seed"]) == 5
    assert board["references"]["raw pixels"]["svm clean"]["value"] == 88


def test_json_contains_no_absolute_path(finished, tmp_path):
    assert str(tmp_path) not in leaderboard_json.format_leaderboards(finished.boards())


def test_all_formats_accept_a_benchmark_without_results(results):
    results.add("VAE", 0, "missing")
    boards = results.boards()
    for text in (
        printed(render_leaderboards(boards)),
        leaderboard_markdown.format_leaderboards(boards),
        leaderboard_latex.format_leaderboards(boards),
        leaderboard_json.format_leaderboards(boards),
    ):
        assert "VAE" in text
    assert leaderboard_csv.format_leaderboards(boards).count("\n") == 1


def test_terminal_shows_a_comparison_with_verdicts(finished):
    text = printed(render_comparisons(compare_methods(finished.boards(), "AE", "VAE", {"mmd2": 0.01})), 160)
    assert "A = AE, B = VAE, 5 seeds" in text
    assert re.search(r"Squared error ↓ .* -5\.05 .* < 0\.001 .* better", text)
    assert "equivalent within 0.01" in text
    text = printed(render_comparisons(compare_methods(finished.boards(), "InfoVAE", "VAE")))
    assert "not comparable: A has 3 of 5 seeds" in text


@pytest.mark.parametrize("width", [80, 120, 200])
def test_comparisons_begin_with_a_summary_and_fit(finished, width: int):
    (comparison,) = compare_methods(finished.boards(), "AE", "VAE")
    text = printed(render_comparisons([comparison, comparison]), width)
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "…" not in text
    assert any(" Squared error ↓ " in line for line in lines)
    assert text.count("mnist, mlp") == 4, "a summary of each and then a table of each"
    summary = " ".join("".join(lines[:4]).split())
    assert summary.startswith("mnist, mlp, d = 2, 80 epochs")
    assert "A is better in Squared error" in summary
    assert ("A beats B" in text) is False, "of five seeds"


def test_shares_of_seeds_are_shown_from_six_seeds_on(results):
    for seed in range(6):
        results.add("AE", seed, sse=20.0 + seed)
        results.add("VAE", seed, sse=25.0 + seed)
    (comparison,) = compare_methods(results.boards(), "AE", "VAE")
    assert "1.00" in printed(render_comparisons([comparison]), 80)
    assert "beats B" in printed(render_comparisons([comparison]), 80)


def test_terminal_prints_names_in_comparisons_as_text(nasty):
    text = printed(render_comparisons(compare_methods(nasty.boards(), NASTY, "=HYPERLINK(1)")), 200)
    assert "a[/oops]b [red]" in text
    assert "\x1b" not in text
