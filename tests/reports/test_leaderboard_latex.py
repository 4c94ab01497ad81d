"""LaTeX tables compile, whatever they hold, and stay on the page."""

import re
import subprocess
from pathlib import Path

import pytest

from helpers.tools import require_program
from vimae_bench.analysis.load import load_benchmark_results as read
from vimae_bench.reports import leaderboard_latex

HOSTILE = (
    "a_b & 5%",
    "β_H-VAE",
    r"\input{x}",
    "[*] first {in} its $row$ #1 ~^",
    "é ± × ≤ −1 → ∞, β₁ and σ²",  # noqa: RUF001
    "<b>|much to say| " * 8,
)
GREEK = "αβγδεζηθικλμνξοπρστυφχψως ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
ROOT = Path(__file__).parents[2]


def compiled(tables: str, folder: Path) -> str:
    """The log of pdflatex, which was to stop at the first error."""
    pdflatex = require_program("pdflatex")
    needs = re.search(r"% needs (.*)", tables)
    assert needs
    head = rf"\documentclass{{article}}{needs[1]}\begin{{document}}"
    (folder / "tables.tex").write_text(f"{head}\n{tables}\n\\end{{document}}\n", encoding="utf-8")
    command = [pdflatex, "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "tables.tex"]
    made = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    log = (folder / "tables.log").read_text(encoding="utf-8", errors="replace")
    assert made.returncode == 0, log[-3000:]
    return log


def test_hostile_names_compile_as_text(results, tmp_path: Path):
    for seed in range(2):
        for place, label in enumerate((*HOSTILE, GREEK)):
            results.add(label, seed, sse=20.0 + place + seed, rate=0.01 if place == 1 else 5.0, mmd2=0.1)
    results.refer("svm", dict.fromkeys(HOSTILE, 70.0))
    (tmp_path / "x.tex").write_text(r"\typeout{it was read}")
    log = compiled(leaderboard_latex.format_leaderboards(results.boards()), tmp_path)
    assert "it was read" not in log
    assert "Missing character" not in log


@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_real_tables_compile_and_are_no_wider_than_the_page(name: str, tmp_path: Path):
    text = leaderboard_latex.format_leaderboards(read(ROOT / "results" / name, tmp_path).leaderboards)
    assert "Overfull" not in compiled(text, tmp_path)


@pytest.mark.parametrize("letter", [letter for letter in GREEK if letter != " "])
def test_every_greek_letter_is_written_in_ascii(letter: str):
    assert leaderboard_latex.escape_latex(letter).isascii()
