"""`vimae-bench verdict` as a user gives it."""

import json
from functools import partial
from pathlib import Path

import pytest

from helpers import command_line

FIG1 = Path(__file__).parents[2] / "results" / "fig1"

PAPER = """
[source]
title = "A paper"

[methods.a]
labels = ["AE"]
[methods.b]
labels = ["VAE"]

[[setup]]
id = "MNIST"
datasets = { mnist = "" }

[[claim]]
id = "1"
text = "It is less."
[[claim.test]]
kind = "less"
a = ["a"]
b = ["b"]
setups = ["MNIST"]
measures = ["sse"]
"""


call = partial(command_line.call, "verdict")


@pytest.fixture
def folder(finished):
    finished.store.write_benchmark("fig1", "", {}, finished.entries)
    return finished.store.path


def test_three_seeds_of_figure_1_decide_nothing():
    found = json.loads(call(FIG1, "--format", "json"))
    verdicts = {claim["id"]: claim["verdict"] for claim in found["claims"]}
    assert (verdicts["C01"], verdicts["C02"]) == ("not decided", "not decided")
    assert (verdicts["C14"], verdicts["C15"]) == ("supported", "contradicted")
    others = [f"C{n:02}" for n in (*range(3, 14), *range(16, 21))]
    assert {verdicts[claim] for claim in others} == {"not testable"}
    (runs,) = found["runs"]
    assert list(runs["methods"]) == ["vae", "beta_h", "beta_a", "vimae_n", "vimae_l"]
    assert {run["label"] for run in runs["methods"]["vimae_l"].values()} == {"VIMAE-l"}
    assert any("β_H-VAE ignores its data: it collapsed" in note for note in runs["notes"])


def test_a_file_for_another_paper(folder, tmp_path):
    (tmp_path / "paper.toml").write_text(PAPER)
    text = call(folder, "--against", tmp_path / "paper.toml")
    assert "1 supported\n  1  It is less." in text
    assert "\n1  supported\n" in call(folder, "--against", tmp_path / "paper.toml", "--all")
    assert call(folder, "--against", tmp_path / "paper.toml", "--claim", 1).startswith("\n1  supported\n")


def test_unknown_claims_and_options_of_other_formats_are_refused(folder):
    assert "the paper has no claim 'c03'; did you mean 'C03'?" in call(folder, "--claim", "c03", code=2)
    assert "are for the terminal" in call(folder, "--all", "--format", "json", code=2)
    assert "are for the terminal" in call(folder, "--claim", "C03", "--output", "x.md", code=2)


@pytest.mark.medium
def test_the_committed_results_give_a_short_summary():
    """What is shown first fits on one screen."""
    assert len(call(FIG1.with_name("paper-small")).splitlines()) <= 27


def test_results_of_several_folders_are_combined(folder, tmp_path, results):
    other = type(results)(tmp_path / "other")
    for seed in range(5):
        other.add("Mine", seed, sse=100.0 + seed)
    other.store.write_benchmark("other", "", {}, other.entries)
    (tmp_path / "paper.toml").write_text(PAPER.replace("VAE", "Mine"))
    text = call(folder, other.store.path, "--against", tmp_path / "paper.toml", "--format", "json")
    (claim,) = json.loads(text)["claims"]
    assert claim["verdict"] == "supported"
    (reading,) = claim["readings"]
    assert {path.split("/")[-3] for path in reading["findings"][0]["pairs"][0]["runs"]} == {"fig1", "other"}


def test_links_in_a_file_are_relative_to_its_folder(folder, tmp_path):
    (tmp_path / "paper.toml").write_text(PAPER)
    page = tmp_path / "reports" / "verdict.md"
    assert str(page) in call(folder, "--against", tmp_path / "paper.toml", "--format", "markdown", "--output", page)
    text = page.read_text()
    assert "### 1: supported" in text
    link = text.split("](<")[1].split(">")[0]
    assert link.startswith("../fig1/runs/")
    assert (page.parent / link / "record.json").exists()


@pytest.mark.parametrize("form", ["terminal", "json"])
def test_every_format_can_be_written(folder, tmp_path, form):
    call(folder, "--format", form, "--output", tmp_path / "verdict")
    assert "Variational InfoMax" in (tmp_path / "verdict").read_text()


def test_the_label_of_a_method_can_be_chosen(folder, tmp_path):
    (tmp_path / "paper.toml").write_text(PAPER)
    words = (folder, "--against", tmp_path / "paper.toml", "--format", "json")
    found = json.loads(call(*words, "--method", "a=VAE", "--method", "b=AE"))
    assert found["claims"][0]["verdict"] == "contradicted"
    assert "did you mean 'VAE'" in call(*words, "--method", "a=VEA", code=2)
    assert "must be of the form id=label" in call(*words, "--method", "a", code=2)


def test_all_errors_in_the_results_are_reported_together(folder, tmp_path):
    output = call(folder, tmp_path / "nothing", tmp_path, code=2)
    assert f"{tmp_path / 'nothing'}: cannot be read" in output
    assert f"{tmp_path}: is not a results folder" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[source", "is not TOML"),
        ("", "needs a value for 'source'"),
        (PAPER.replace('"less"', '"fewer"'), "must be one of 'less'"),
        (PAPER.replace('["b"]', '["z"]'), "no method is called 'z'"),
    ],
)
def test_an_invalid_paper_is_reported_without_a_traceback(folder, tmp_path, text, message):
    (tmp_path / "paper.toml").write_text(text)
    output = call(folder, "--against", tmp_path / "paper.toml", code=2)
    assert message in output
    assert str(tmp_path / "paper.toml") in output
    assert "Traceback" not in output


def test_a_missing_paper_is_reported(folder, tmp_path):
    assert "cannot be read" in call(folder, "--against", tmp_path / "paper.toml", code=2)


def test_a_damaged_record_is_reported_and_decides_nothing(folder, finished, tmp_path):
    finished.store.run_folder(finished.entries[0].run).record.write_text("{")
    (tmp_path / "paper.toml").write_text(PAPER)
    found = json.loads(call(folder, "--against", tmp_path / "paper.toml", "--format", "json"))
    assert found["claims"][0]["verdict"] == "not decided"
    assert any("record.json" in note for note in found["runs"][0]["notes"])
