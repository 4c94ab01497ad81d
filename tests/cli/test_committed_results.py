"""The results in the repository, packed in archives."""

import re
from pathlib import Path

import pytest

from helpers.command_line import call

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """We are in the repository."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(("name", "runs"), [("fig1", 35), ("paper-small", 85)])
def test_no_committed_run_is_trained_again_or_taken_for_new(name, runs):
    """They have no weights, so that what later versions of metrics would measure is said to be missing."""
    lines = call("plan", f"benchmarks/{name}.toml").splitlines()
    committed = [line for line in lines if line.startswith(("done ", "retrain "))]
    assert len(committed) == runs
    explained = sum(int(line.split()[0]) for line in lines if "without weights to measure" in line)
    assert explained == sum(line.startswith("retrain ") for line in committed)


@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_the_leaderboard_next_to_the_archive_has_its_numbers(name):
    expected = (ROOT / "results" / name / "leaderboard.md").read_text(encoding="utf-8")
    assert list_table_rows(call("leaderboard", f"results/{name}", "--format", "markdown")) == list_table_rows(expected)


def test_the_verdict_next_to_the_archive_has_its_numbers():
    expected = (ROOT / "results" / "paper-small" / "verdict.md").read_text(encoding="utf-8")
    verdict = call("verdict", "results/paper-small", "results/fig1", "--format", "markdown")
    assert re.findall(r"\d+\.\d+", verdict) == re.findall(r"\d+\.\d+", expected)


def list_table_rows(text):
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_no_file_is_damaged(name):
    assert call("doctor", f"results/{name}.zip") == "nothing is damaged\n"
