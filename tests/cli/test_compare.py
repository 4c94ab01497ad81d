"""`vimae-bench compare` as a user gives it, over results made up for the test."""

import csv
import json
import subprocess
from functools import partial

import numpy as np
import pytest

from helpers import command_line
from helpers.tools import require_program

call = partial(command_line.call, "compare")


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
    assert "B is better" in output
    assert "All values of 10 pairs of runs are identical in A and B." in output, "of method B"
    assert "/tmp" not in output


def test_methods_of_a_revision_are_compared(kept):
    before, now = (json.loads(call(name, "A", "B", "--format", "json")) for name in ("fig1@HEAD~1", "fig1"))
    outcomes = [made["comparisons"][0]["rows"][0]["outcome"] for made in (before, now)]
    assert outcomes == ["undecided", "better"]


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
    assert (line["n"], line["outcome"], float(line["p"])) == ("10", row["outcome"], row["p"])
    assert np.mean([pair["a"] - pair["b"] for pair in row["by_seed"].values()]) == pytest.approx(row["difference"])
    assert f"| **{row['statement']}** |" in call("fig1", "A", "B", "--format", "markdown")
    for ending in ("html", "md", "csv", "json"):
        path = tmp_path / f"out.{ending}"
        assert call("fig1", "A", "B", "--output", path).strip() == str(path)
        assert row["statement"] in path.read_text()


def test_the_margin_of_the_file_decides_and_one_of_the_call_is_shown_next_to_it(kept):
    kept.store.write_benchmark("fig1", "", {"columns": ["sse"], "margins": {"sse": 100}}, kept.entries)
    (row,) = json.loads(call("fig1", "A", "B", "--margin", "sse=0.1", "--format", "json"))["comparisons"][0]["rows"]
    assert (row["margin"], row["outcome"]) == (100, "equivalent")
    assert (row["given_margin"], row["given_outcome"]) == (0.1, "better")
    assert "with this call's margin of 0.1: A is better" in " ".join(
        call("fig1", "A", "B", "--margin", "sse=0.1", "--format", "markdown").replace("\\", "").split()
    )
    tables = json.loads(call("fig1", "fig1@HEAD", "--format", "json"))["comparisons"]
    assert {row["margin"] for table in tables for row in table["rows"]} == {100}


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
        (["fig1", "A", "A"], "'A' cannot be compared with itself; name two methods"),
        (["fig1", "fig1", "--margin", "sse"], "--margin sse: must be of the form measure=value"),
        (["fig1", "A", "B", "--margin", "sse=5 %"], "the margin of 'sse' must be in [0,1]^2, such as 0.5"),
        (["fig1", "fig1", "--margin", "sse=-1"], "the margin of 'sse' must be positive, not -1.0"),
        (["fig1", "fig1", "--margin", "sze=1"], "no measure compared here is called 'sze'; did you mean 'sse'?"),
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
