"""The results in the repository, packed in archives."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from vimae_bench.cli import main

ROOT = Path(__file__).parents[2]


def call(*words):
    done = CliRunner().invoke(main, [*words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """We are in the repository."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(("name", "runs"), [("fig1", 18), ("paper-small", 85)])
def test_every_run_still_counts_as_done(name, runs):
    assert call("plan", f"benchmarks/{name}.toml").splitlines()[-1] == f"{runs} runs: {runs} done"


@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_the_leaderboard_next_to_the_archive_is_that_of_its_results(name):
    expected = (ROOT / "results" / name / "leaderboard.md").read_text(encoding="utf-8")
    assert call("leaderboard", f"results/{name}", "--format", "markdown") == expected


@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_no_file_is_damaged(name):
    assert call("doctor", f"results/{name}.zip") == "nothing is damaged\n"
