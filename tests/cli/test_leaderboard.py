"""`vimae-bench leaderboard` as a user gives it."""

import re

import pytest
from click.testing import CliRunner

from vimae_bench.cli import main


@pytest.fixture
def call(finished, monkeypatch):
    finished.store.write_benchmark("fig1", "", {}, finished.entries)
    monkeypatch.chdir(finished.store.path.parent)
    monkeypatch.setenv("COLUMNS", "100")

    def called(*words, code=0):
        done = CliRunner().invoke(main, ["leaderboard", "fig1", *words], catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.output

    return called


def list_methods(text):
    """The rows of the first grid or Markdown table, by their first words."""
    return [row[1] for line in text.splitlines() if (row := re.match(r"(?:\| )?(AE|VAE|VIMAE-n) ", line))]


def test_the_first_screen_is_short_and_everything_is_asked_for(call):
    first, every = call(), call("--all")
    assert len(first.splitlines()) <= 40
    assert "--all" in first
    assert "--all" not in every
    assert "Holm-adjusted" not in first
    assert "Holm-adjusted" in every


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_columns_and_order_are_chosen(call, form):
    text = call("--columns", "svm clean, mmd2", "--sort", "mmd2", "--format", form)
    assert "SVM accuracy" in text
    assert "Squared error" not in text
    by_mmd2 = list_methods(text)
    assert sorted(by_mmd2) == ["AE", "VAE", "VIMAE-n"]
    assert list_methods(call("--sort", "sse", "--format", form))[0] == "AE"


def test_three_seeds_are_sorted_where_that_is_asked_for(results):
    for seed in range(3):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=25.0 + seed)
    results.store.write_benchmark("fig1", "", {}, results.entries)

    def methods(*words):
        done = CliRunner().invoke(main, ["leaderboard", str(results.store.path), *words], catch_exceptions=False)
        return list_methods(done.output)

    assert methods() == ["VAE", "AE"]
    assert methods("--sort", "sse") == ["AE", "VAE"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--columns", "sze"), "--columns: no measure is called 'sze'; did you mean 'sse'?"),
        (("--sort", "sze"), "--sort: no measure is called 'sze'; did you mean 'sse'?"),
        (("--sort", "rate"), "--sort: neither high nor low values of 'rate' are better"),
    ],
)
def test_names_are_checked(call, words, message):
    assert message in call(*words, code=2)
