"""`vimae-bench tune` as a user calls it, with real trainings on real digits."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from helpers.benchmarks import AE, VAE, make_benchmark
from vimae_bench.cli import main
from vimae_bench.core.spec import PluginSpec
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.plugin.registry import make_plugin

pytestmark = pytest.mark.medium

SEARCH = {
    "objective.beta": {"low": 0.01, "high": 0.1, "log": True},
    "training.learning_rate": {"low": 1e-2, "high": 3e-2, "log": True},
}
TEXT = make_benchmark(
    name="search",
    seeds=[0, 1],
    dataset={"use": "digits", "validation": 300},
    architecture={"use": "mlp", "hidden": [32]},
    training={"epochs": 10},
    metrics=["reconstruction", "rate"],
    reporters=["console"],
    tuning={"trials": 3, "measure": "sse", "at_once": 2},
    method=[AE, VAE | {"search": SEARCH}],
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    ensure_prepared(make_plugin("dataset", PluginSpec("digits")), root)
    return root


@pytest.fixture
def file(tmp_path):
    (tmp_path / "search.toml").write_text(TEXT)
    return tmp_path / "search.toml"


def call(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, data):
    """A file that has been tuned, its results, and what was said."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "search.toml").write_text(TEXT)
    said = call("tune", folder / "search.toml", "--results", folder / "results", "--data", data)
    return folder, said


def kept(results):
    """The results of a study: every trial, and the file."""
    folder = results / "search-tuning"
    return json.loads((folder / "tuning.json").read_text()), (folder / "tuned.toml").read_text().partition("\n")[2]


def test_tuning_says_its_budget_its_fixed_methods_and_what_comes_next(tuned):
    folder, said = tuned
    assert "VAE: 3 trials over objective.beta, training.learning_rate" in said
    assert "AE: has no `search`, and stays as it is" in said
    assert "3 runs, measured on the held-out images of digits, not on its test images" in said
    assert f"vimae-bench run {folder}/results/search-tuning/tuned.toml --results {folder}/results" in said


def test_the_chosen_settings_are_those_of_the_least_error_on_held_out_images(tuned):
    folder, _ = tuned
    (vae,) = kept(folder / "results")[0]["methods"]
    assert vae["chosen"] == min(vae["trials"], key=lambda trial: trial["value"])["settings"]
    assert all(list(trial["by_seed"]) == ["100"] for trial in vae["trials"])


def test_the_tuned_file_runs_and_its_leaderboard_says_how_settings_were_chosen(tuned, data):
    folder, _ = tuned
    words = ("--results", folder / "results", "--data", data, "--no-mlflow")
    said = call("run", folder / "results/search-tuning/tuned.toml", *words)
    assert "Tuned, 3 trials each on validation sse (random search, seed 100); not tuned: AE." in " ".join(said.split())
    again = call("leaderboard", folder / "results/search-tuned", "--format", "markdown")
    assert again.index("- Tuned, 3 trials each") < again.index(": no intervals, tests or ranking")
    assert "- VAE has its own training settings: learning\\_rate = " in again
    assert again.count("### ") == 1


def test_trials_are_ordinary_runs_and_not_repeated(tuned, data):
    folder, _ = tuned
    runs = folder / "results/search-tuning/runs"
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("record.json")}
    first = kept(folder / "results")
    said = call("tune", folder / "search.toml", "--results", folder / "results", "--data", data)
    assert "epochs" not in said.partition("not on its test images")[2].partition("validation")[0]
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("record.json")} == before
    assert kept(folder / "results") == first
    assert "VAE #3" in call("leaderboard", folder / "results/search-tuning")


def test_tuning_uses_no_test_image(tuned, data, tmp_path, file):
    """With other test images every trial reaches the same."""
    (tmp_path / "data" / "digits").mkdir(parents=True)
    for path in (data / "digits").glob("*.npy"):
        array = np.load(path)
        np.save(tmp_path / "data" / "digits" / path.name, 255 - array if path.name == "test_x.npy" else array)
    call("tune", file, "--results", tmp_path / "results", "--data", tmp_path / "data")
    assert kept(tmp_path / "results") == kept(tuned[0] / "results")


def test_passwords_are_not_written(file, data, tmp_path):
    secret = 'reporters=["console",{use="mlflow",uri="http://me:pass1234@localhost:1"}]'
    words = ("-o", secret, "-o", "tuning.trials=1", "--no-mlflow", "--data", data)
    call("tune", file, *words, "--results", tmp_path / "results")
    texts = [path.read_text() for path in (tmp_path / "results" / "search-tuning").glob("*.*")]
    assert len(texts) == 3
    assert not any("pass1234" in text for text in texts)


def test_a_data_set_without_held_out_images_is_reported_with_its_line(file, data, tmp_path):
    said = call("tune", file, "-o", "dataset.validation=0", "--data", data, "--results", tmp_path / "r", code=2)
    assert f"{file}:3: dataset[0]: " in said
    assert "no training image is held out to be measured on" in said


def test_a_missing_library_is_reported_with_the_command_that_installs_it(file, monkeypatch):
    monkeypatch.setattr("vimae_bench.tuning.find_spec", lambda name: None)
    said = call("tune", file, code=2)
    assert said == "tuning needs optuna and tomlkit: python -m pip install 'vimae-bench[tune]'\n"


@pytest.mark.slow
def test_a_killed_study_continues_where_it_was(tuned, data, tmp_path, file):
    words = ["tune", str(file), "--results", str(tmp_path / "results"), "--data", str(data)]
    killed = subprocess.Popen([sys.executable, "-m", "vimae_bench", *words], env={**os.environ, "OMP_NUM_THREADS": "1"})
    while not (records := [*tmp_path.rglob("record.json")]) and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = {path: path.stat().st_mtime_ns for path in records}
    call(*words)
    assert before
    assert {path: path.stat().st_mtime_ns for path in records} == before
    assert kept(tmp_path / "results") == kept(tuned[0] / "results")
