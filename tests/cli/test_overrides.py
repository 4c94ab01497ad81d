"""Settings that are given on the command line have an effect, or are refused."""

import shutil

import pytest

from helpers.benchmarks import AE, VAE, make_benchmark
from helpers.command_line import call
from vimae_bench.config.toml import parse_value
from vimae_bench.storage.archive import pack_results
from vimae_bench.storage.store import ResultsFolder

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """A benchmark that has been run, its file and its results folder."""
    folder = tmp_path_factory.mktemp("once")
    file = folder / "small.toml"
    file.write_text(make_benchmark(metrics=["reconstruction", "rate"], method=[AE, VAE]))
    call("run", file, "--results", folder / "results", "--data", folder / "data", "--no-mlflow")
    return file, folder / "results" / "small"


@pytest.fixture(params=["folder", "archive"])
def saved(request, run_once, tmp_path):
    """The results, as a folder or packed."""
    if request.param == "folder":
        return run_once[1]
    copied = tmp_path / "packed"
    shutil.copytree(run_once[1], copied)
    return pack_results(copied)


@pytest.mark.parametrize("setting", ["nonsense.key=1", "training.epochs=5", "seeds=[7]", "leaderboard.nonsense=1"])
@pytest.mark.parametrize("command", ["leaderboard", "figures"])
def test_a_setting_that_cannot_change_saved_results_is_refused(command, setting, saved, tmp_path):
    more = ("--output", tmp_path / "figures") if command == "figures" else ()
    output = call(command, saved, "-o", setting, *more, code=2)
    assert "-o" in output
    assert setting.partition("=")[0].rpartition(".")[2] in output


def show_head(*words):
    """The names of the columns that a leaderboard shows."""
    return next(line for line in call(*words, "--format", "markdown").splitlines() if line.startswith("|"))


def test_settings_of_the_leaderboard_change_saved_results(saved):
    assert "Rate" in show_head("leaderboard", saved)
    assert "Rate" not in show_head("leaderboard", saved, "-o", 'leaderboard.columns=["sse"]')
    output = call("leaderboard", saved, "-o", "leaderboard.rank_by=ssee", code=2)
    assert "leaderboard.rank_by: no measure is called 'ssee'; did you mean 'sse'?" in output


def test_a_setting_of_one_kind_says_nothing_of_columns_that_are_not_measured_yet(run_once, tmp_path):
    file = tmp_path / "more.toml"
    columns = {"columns": ["sse", "active units"]}
    metrics = ["reconstruction", "rate", "active_units"]
    file.write_text(make_benchmark(metrics=metrics, method=[AE, VAE], leaderboard=columns))
    where = ("--results", run_once[1].parent)
    assert "2 of 2 runs" in call("leaderboard", file, *where, "-o", "leaderboard.rank_by=sse")
    assert "2 of 2 runs" in call("leaderboard", file, *where, "-o", "training.threads=1")
    again = ("-o", 'leaderboard.columns=["sse", "active units"]')
    assert "no measure is called 'active units'" in call("leaderboard", file, *where, *again, code=2)


@pytest.mark.parametrize(
    "text",
    ["5\ntraining.batch=3", "5\nx = 6", "5, 6", "5] # [", "5]\ny = [3", "]", "a # b", "5 # five", "1 2", ""],
)
def test_no_part_of_a_value_is_dropped(text):
    assert parse_value(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("[1, 2]", [1, 2]), ('"a # b"', "a # b"), ("{use = 'x', n = 1}", {"use": "x", "n": 1})],
)
def test_values_are_read_as_toml(text, value):
    assert parse_value(text) == value


@pytest.mark.parametrize("command", ["plan", "run", "tune", "leaderboard"])
def test_a_second_line_is_refused(command, run_once):
    output = call(command, run_once[0], "-o", "training.epochs=5\ntraining.batch=3", code=2)
    assert "has more than one line; give each setting an -o of its own" in output


def test_a_value_with_something_behind_it_is_refused(run_once):
    assert "training.epochs" in call("plan", run_once[0], "-o", "training.epochs=5 # or 6", code=2)


def test_a_second_file_of_the_same_name_does_not_take_the_results_over(run_once, tmp_path):
    file, results = run_once
    other = file.with_name("other.toml")
    other.write_text(make_benchmark(method=[AE | {"label": "Other"}]))
    words = ("--results", results.parent, "--data", file.parent / "data", "--no-mlflow")
    before = ResultsFolder(results).read_benchmark()
    for command in (("run", other, *words), ("run", other, "--dry-run", *words)):
        output = call(*command, code=4)
        assert f"of another file of the same name, {file}, which has 2 runs" in output
        assert "another `name`" in output
    assert ResultsFolder(results).read_benchmark() == before
    call("run", other, "--results", tmp_path / "apart", *words[2:])


def test_a_copy_with_more_methods_goes_on_and_the_first_is_then_refused(run_once, tmp_path):
    file, results = run_once
    copied = tmp_path / "results" / "small"
    shutil.copytree(results, copied)
    mine, more = tmp_path / "a.toml", tmp_path / "b.toml"
    mine.write_text(file.read_text())
    more.write_text(make_benchmark(metrics=["reconstruction", "rate"], method=[AE, VAE, AE | {"label": "Third"}]))
    words = ("--results", copied.parent, "--data", file.parent / "data", "--no-mlflow")
    call("run", mine, *words)
    call("run", more, *words)
    assert "which has 1 run that" in call("run", mine, *words, code=4)


def test_an_edited_or_renamed_file_says_what_its_folder_no_longer_shows(run_once, tmp_path):
    file, results = run_once
    copied = tmp_path / "results" / "small"
    shutil.copytree(results, copied)
    words = ("--results", copied.parent, "--data", file.parent / "data", "--no-mlflow")
    mine, renamed = tmp_path / "a.toml", tmp_path / "b.toml"
    mine.write_text(file.read_text())
    assert "no longer shows" not in call("run", mine, *words)
    mine.rename(renamed)
    renamed.write_text(make_benchmark(metrics=["reconstruction", "rate"], method=[AE]))
    assert "no longer shows 1 run of an earlier matrix; their folders stay" in call("run", renamed, *words)
