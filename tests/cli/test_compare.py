"""`vimae-bench compare` as a user gives it, over results made up for the test."""

import csv
import json
import subprocess

import numpy as np
import pytest
from click.testing import CliRunner

from helpers.tools import require_program
from vimae_bench.cli import main


def call(*words, code=0):
    done = CliRunner().invoke(main, ["compare", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def kept(results, monkeypatch):
    """Two methods and ten seeds in a folder `fig1` of a repository, where we are; A's numbers were worse before."""
    monkeypatch.chdir(results.store.path.parent)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git("init", "-q", "-b", "main")
    for gain in (0.0, 5.0):
        results.entries.clear()
        generator = np.random.default_rng(0)
        for seed in range(10):
            common, noise = generator.normal(0, 5), generator.normal(0, 0.1, 2)
            results.add("A", seed, sse=30 + common - gain + noise[0], rate=4.0)
            results.add("B", seed, sse=30 + common + noise[1], rate=4.0)
        results.store.write_benchmark("fig1", "", {"columns": ["sse", "rate"]}, results.entries)
        git("add", ".")
        git("-c", "user.name=me", "-c", "user.email=me@here", "commit", "-qm", "results")
    return results


def git(*words):
    subprocess.run([require_program("git"), *words], check=True, capture_output=True)


def test_a_folder_is_compared_with_itself_at_an_earlier_revision(kept):
    output = call("fig1@HEAD~1", "fig1")
    assert "A = fig1@HEAD~1, B = fig1, 10 seeds" in output
    assert "worse" in output
    assert "All values of 10 pairs of runs are identical in A and B." in output, "of method B"
    assert "/tmp" not in output


def test_methods_of_a_revision_are_compared(kept):
    before, now = (json.loads(call(name, "A", "B", "--format", "json")) for name in ("fig1@HEAD~1", "fig1"))
    verdicts = [made["comparisons"][0]["rows"][0]["verdict"] for made in (before, now)]
    assert verdicts == ["no difference shown", "better"]


def test_an_existing_folder_with_an_at_sign_is_not_a_revision(kept):
    kept.store.path.rename(kept.store.path.parent / "fig1@HEAD")
    assert "A = A, B = B, 10 seeds" in call("fig1@HEAD", "A", "B")


def test_damage_in_a_revision_is_reported_under_the_given_name(kept):
    next(kept.store.path.glob("runs/*-s3-*/record.json")).write_text("{")
    git("-c", "user.name=me", "-c", "user.email=me@here", "commit", "-qam", "damage")
    assert "(fig1@HEAD/runs/" in " ".join(call("fig1@HEAD", "fig1@HEAD~1", "--format", "markdown").split())
    (kept.store.path / "benchmark.json").unlink()
    git("-c", "user.name=me", "-c", "user.email=me@here", "commit", "-qam", "more")
    assert "fig1@HEAD: is not a results folder" in call("fig1@HEAD", "fig1@HEAD~1", code=4)


def test_all_formats_have_the_same_values(kept, tmp_path):
    row = json.loads(call("fig1", "A", "B", "--format", "json"))["comparisons"][0]["rows"][0]
    (line, _) = csv.DictReader(call("fig1", "A", "B", "--format", "csv").splitlines())
    assert float(line["difference"]) == row["difference"] == pytest.approx(-5, abs=0.2)
    assert (float(line["low"]), float(line["high"])) == tuple(row["interval"])
    assert (line["n"], line["verdict"], float(line["p"])) == ("10", row["verdict"], row["p"])
    assert np.mean([pair["a"] - pair["b"] for pair in row["by_seed"].values()]) == pytest.approx(row["difference"])
    assert f"| **{row['verdict']}** |" in call("fig1", "A", "B", "--format", "markdown")
    for ending in ("html", "md", "csv", "json"):
        path = tmp_path / f"out.{ending}"
        assert call("fig1", "A", "B", "--output", path).strip() == str(path)
        assert row["verdict"] in path.read_text()


def test_unknown_sources_are_reported_together(kept):
    output = call("fig2", "mlflow:fig1", "--results", ".", code=2)
    assert (
        "fig2: is not a results folder, benchmark file, PATH@REVISION or mlflow:EXPERIMENT; did you mean 'fig1'?"
        in output
    )
    assert "mlflow.db: no MLflow store is there" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fig1@v9", "fig1"], "fig1@v9: git knows no revision 'v9'"),
        (["fig1"], "give two results to compare, or one and two of its methods"),
        (["fig1", "A", "C"], "no method here is called 'C'"),
        (["fig1", "fig1", "--margin", "sse"], "--margin sse: must be of the form measure=number"),
        (["fig1", "fig1", "--output", "page.htm"], "--output page.htm: must end in .html, .md, .csv, .json"),
        (["fig1", "fig1", "--output", "fig1/benchmark.json/page.html"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(kept, words, message):
    output = call(*words, code=2)
    assert message in output
    assert "Traceback" not in output


def test_results_without_a_common_method_list_the_methods_of_each(kept, tmp_path):
    other = type(kept)(tmp_path / "other")
    other.add("C", 0, sse=1.0)
    other.store.write_benchmark("other", "", {}, other.entries)
    output = call("fig1", "other", code=2)
    assert "A and B have no method in common on the same data" in output
    assert "Only in A, and left out: A: mnist, mlp, d = 2, 80 epochs; B: mnist" in output
    assert "Only in B, and left out: C: mnist" in output
