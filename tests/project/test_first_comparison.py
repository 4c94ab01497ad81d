"""The tutorial with fewer epochs: every command prints what is shown."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
BLOCKS = MarkdownIt().parse((ROOT / "docs" / "tutorial" / "first-comparison.md").read_text())
COMMANDS = [line for token in BLOCKS if token.type == "code_block" for line in token.content.splitlines()]
SHOWN = [line for token in BLOCKS if token.info == "text" for line in token.content.splitlines()]
TREE = (ROOT / "docs" / "reference" / "results.md").read_text().partition("```text\n")[2].partition("```")[0]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the tutorial needs."""
    here = tmp_path_factory.mktemp("reader")
    (here / "benchmarks").mkdir()
    file = Path("benchmarks") / "quickstart.toml"
    (here / file).write_text((ROOT / file).read_text())
    return here


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, str]:
    """The output of each command of the tutorial."""
    return {line: output(folder, line) for line in COMMANDS if line.startswith("vimae-bench")}


def output(folder: Path, line: str) -> str:
    command = [sys.executable, "-m", "vimae_bench", *shlex.split(line)[1:]]
    environment = {**os.environ, "COLUMNS": "110", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout + done.stderr


def form(line: str) -> str:
    """A line without its numbers, marks, outcomes and column widths; what is shown may be the left of a line."""
    line = re.sub(r" *│ *", " ", line.removesuffix("..."))
    line = re.sub(r"(undecided: |equivalent within |[AB] is |would |(not )?decide it).*$", "outcome", line)
    line = re.sub(r"-?\d+(\.\d+)?", "#", re.sub(r"\(★=?\)|★=?|[?†‡§]", "", line))
    return " ".join(line.split())


def test_tutorial_shows_what_its_commands_print(printed: dict[str, str]) -> None:
    forms = {form(line) for text in printed.values() for line in text.splitlines()}
    assert len(SHOWN) > 10
    lines = [line for line in SHOWN if not set(line) <= set("━╇─┼ ")]
    assert [line for line in lines if not any(printed_form.startswith(form(line)) for printed_form in forms)] == []


def test_nothing_is_trained_twice(printed: dict[str, str], folder: Path) -> None:
    run, more = (text for line, text in printed.items() if line.startswith("vimae-bench run benchmarks/quickstart"))
    assert [text.count(": done, 20 epochs") for text in (run, more)] == [35, 14]
    assert "35 runs: 35 new" in printed["vimae-bench plan benchmarks/quickstart.toml"]
    assert "35 runs: 35 done" in output(folder, "vimae-bench plan benchmarks/quickstart.toml")


def test_report_is_written(printed: dict[str, str], folder: Path) -> None:
    assert "VIMAE-l" in (folder / "report.html").read_text()
    assert printed["vimae-bench report results/quickstart --output report.html"].strip() == "report.html"


def test_every_file_of_a_results_folder_is_documented(printed: dict[str, str], folder: Path) -> None:
    listed = {Path(line.split()[0]).name for line in TREE.splitlines()}
    results = folder / "results" / "quickstart"
    run = next(results.glob("runs/elbo*"))
    there = {path.name for path in (*results.iterdir(), *run.iterdir()) if path.name[0] != "."}
    assert there - listed == set()
    assert listed - there == {
        "<benchmark>",
        "elbo-mnist-mlp-s0-1f2e3d4c5b6a",
        "checkpoints",
        "codes.png",
        "mlflow.db",
        "set-aside",
    }
