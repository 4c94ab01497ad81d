"""The commands as a user gives them, over a small benchmark on real digits."""

import importlib
import json
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from helpers.benchmarks import AE, VAE, make_benchmark
from helpers.command_line import call
from vimae_bench.analysis import leaderboard, load
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.cli import COMMANDS
from vimae_bench.cli.reporter_guard import GuardedReporter
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin.registry import make_plugin

pytestmark = pytest.mark.medium

run_command = importlib.import_module("vimae_bench.cli.run")  # the package's attribute is the command
TEXT = make_benchmark(
    seeds=[0, 1],
    metrics=["reconstruction", "rate"],
    reporters=["console"],
    training={"epochs": 2},
    method=[AE, VAE],
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A benchmark that has been run once: its file, its results, the data."""
    folder = tmp_path_factory.mktemp("shared")
    file = folder / "small.toml"
    file.write_text(TEXT)
    output = call("run", file, "--results", folder / "results", "--data", folder / "data", "--no-mlflow")
    return folder, file, output


def test_run_reads_results_and_builds_leaderboards_once(shared, monkeypatch):
    """Reporters that publish results are given those that `run` has just shown."""
    built, published = [], []
    folder, file, _ = shared

    class Publisher:
        def __call__(self, jobs, events):
            yield from events

        def publish_results(self, benchmark):
            published.append(load.load_benchmark_results(benchmark, benchmark.parent).leaderboards)
            return {"elsewhere": "there"}

    def build(*given):
        built.append(build_leaderboards(*given))
        return built[-1]

    monkeypatch.setattr(leaderboard, "build_leaderboards", build)
    monkeypatch.setattr(run_command, "make_reporters", lambda _: [GuardedReporter(Publisher(), "publisher")])
    output = call("run", file, "--results", folder / "results", "--data", folder / "data")
    assert built == published
    assert len(built) == 1
    assert "elsewhere  there" in output
    assert load.load_benchmark_results(folder / "results" / "small", folder).leaderboards is not built[0]


@pytest.fixture
def small(tmp_path):
    def written(*changes):
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "small.toml").write_text(text)
        return tmp_path / "small.toml"

    return written


PREPARED = """
from vimae_bench.plugin import hookimpl
from vimae_builtin.executors.inline import Inline

done = []

class Prepared(Inline):
    def prepare(self, modules): done.append("prepare")

@hookimpl
def vimae_executors(): return {"prepared": Prepared}
"""


def test_an_executor_prepares_before_the_check_and_only_for_jobs(small, install, tmp_path, monkeypatch):
    install("prepared", PREPARED)
    done = importlib.import_module("prepared").done
    monkeypatch.setattr("vimae_bench.engine.preflight.check_benchmark", lambda *_: done.append("check") or Counter())
    file = small(("seeds = [0, 1]", "seeds = [0]"))
    words = ("run", file, "--executor", "prepared", "--results", tmp_path / "results", "--no-mlflow")
    call(*words, "--dry-run")
    assert done == ["check"]
    ensure_prepared(make_plugin("dataset", PluginSpec("digits")), tmp_path / "data")
    call(*words, "--data", tmp_path / "data")
    assert done == ["check", "prepare", "check"]
    call(*words, "--data", tmp_path / "data")
    assert done == ["check", "prepare", "check", "check"]


def test_run_trains_measures_ranks_and_says_where_everything_is(shared):
    folder, file, output = shared
    assert len(list((folder / "results/small/runs").iterdir())) == 4
    assert "AE" in output
    assert "Squared" in output
    assert f"report     {folder}/results/small/report.html" in output
    assert (folder / "results/small/report.html").stat().st_size < 5e6
    assert f"records    {folder}/results/small/runs" in output
    assert f"again      vimae-bench leaderboard {file} --results {folder}/results" in output


def test_run_again_repeats_nothing(shared):
    folder, file, _ = shared
    records = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("record.json")}
    call("run", file, "--results", folder / "results", "--data", folder / "data", "--no-mlflow")
    assert {path: path.stat().st_mtime_ns for path in records} == records


def test_a_benchmark_is_shown_from_its_file_and_from_its_folder_alike(shared):
    folder, file, _ = shared
    tables = [
        json.loads(call("leaderboard", where, "--results", folder / "results", "--format", "json"))
        for where in (file, folder / "results/small")
    ]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("form", "sign"), [("markdown", "| "), ("csv", "table,"), ("latex", r"\toprule"), ("terminal", "VAE")]
)
def test_a_leaderboard_is_printed_in_every_format(shared, form, sign):
    folder, file, _ = shared
    assert sign in call("leaderboard", file, "--results", folder / "results", "--format", form)


@pytest.mark.parametrize(("form", "sign"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_written_and_named(shared, tmp_path, form, sign):
    folder, file, _ = shared
    where = tmp_path / "new" / "figures"
    output = call("figures", file, "--results", folder / "results", "--output", where, "--format", form)
    written = sorted(where.iterdir())
    lines = output.splitlines()
    assert sorted(line for line in lines if line.startswith(str(where))) == list(map(str, written))
    assert [line for line in lines if not line.startswith(str(where))] == [
        "no critical differences and no performance profiles: at least 5 tables are needed, and there is 1",
        "digits, mlp, d = 2, 2 epochs: no training curves, since its runs have fewer than 5 epochs",
    ]
    assert f"reconstructions-and-samples-digits-mlp-d-2-2-epochs.{form}" in [path.name for path in written]
    assert all(path.read_bytes().startswith(sign) for path in written if path.name != "captions.md")
    captions = (where / "captions.md").read_text()
    assert all(f"`{path.name}`: " in captions for path in written if path.name != "captions.md")


def test_figures_have_the_width_asked_for(shared, tmp_path):
    folder, file, _ = shared
    words = ("--results", folder / "results", "--output", tmp_path, "--format", "svg", "--width")
    call("figures", file, *words, "column")
    assert 'width="234pt"' in next(tmp_path.glob("key-measures*.svg")).read_text()
    assert "has to be column (3.25 inches) or text" in call("figures", file, *words, "wide", code=2)


def test_figures_without_data_and_unwritable_figures_are_reported(shared, small, tmp_path):
    folder, file, _ = shared
    words = ("--results", tmp_path / "none", "--output", tmp_path / "figures")
    assert "no run has finished, so there is nothing to draw" in call("figures", small(), *words, code=2)
    (tmp_path / "file").write_text("")
    words = ("--results", folder / "results", "--output", tmp_path / "file")
    assert "cannot be written" in call("figures", file, *words, code=2)


def test_run_saves_the_leaderboard_of_the_full_matrix_whatever_was_selected(shared, small, tmp_path):
    folder, _, _ = shared
    where = ("--data", folder / "data", "--results", tmp_path / "results", "--no-mlflow")
    printed = call("run", small(), "-k", "vae s1", *where)
    assert "1 other method of the benchmark not shown; decisions are over all" in printed
    assert not re.search(r"^ AE ", printed, re.MULTILINE)
    kept = tmp_path / "results/small"
    assert "| AE † | 0 of 2 |" in (kept / "leaderboard.md").read_text()
    assert (kept / "leaderboard.png").exists()
    assert (kept / "codes.png").exists(), "of seed 1, the only one there is"


def test_two_methods_are_compared_seed_by_seed(shared):
    folder, file, _ = shared
    output = call("compare", file, "AE", "VAE", "--results", folder / "results", "--margin", "sse=90 %")
    assert "Squared" in output
    assert "no method here is called 'VEA'; did you mean 'VAE'?" in call(
        "compare", file, "AE", "VEA", "--results", folder / "results", code=2
    )


def test_plan_and_dry_run_show_states_and_start_nothing(shared, small, tmp_path):
    folder, file, _ = shared
    assert "4 runs: 4 done" in call("plan", file, "--results", folder / "results")
    planned = call("plan", small(), "--results", tmp_path / "results", "-k", "vae s1")
    assert "1 run: 1 new" in planned
    dry = call("run", small(), "--dry-run", "--results", tmp_path / "results", "--data", folder / "data")
    assert "4 runs: 4 new" in dry
    assert not (tmp_path / "results").exists()


def test_jobs_are_a_number_or_auto(shared, small, tmp_path):
    file = small(('"inline"', '{ use = "local", jobs = 7 }'))
    words = ("--dry-run", "--results", tmp_path / "r", "--data", shared[0] / "data")
    assert "4 runs: 4 new" in call("run", file, *words, "--jobs", "auto")
    assert "4 runs: 4 new" in call("run", file, *words, "--jobs", "2")
    assert "--jobs: must be an integer, not 'all' (or auto)" in call("run", file, *words, "--jobs", "all", code=2)
    assert "--jobs: 0 is written auto" in call("run", file, *words, "--jobs", "0", code=2)


def test_an_empty_selection_is_an_exit_code_of_its_own(small):
    assert "selects none of the 4 runs" in call("plan", small(), "-k", "gan", code=3)


def test_all_problems_of_a_file_are_in_one_message(small):
    output = call("run", small(('"digits"', '"digit"'), ("epochs = 2", 'epochs = "2"')), code=2)
    assert "small.toml:3: dataset[0]: no dataset is called 'digit'; did you mean 'digits'?" in output
    assert "small.toml:9: training.epochs: must be an integer, not '2'" in output
    assert "Traceback" not in output


def test_impossible_shapes_are_reported_before_training(shared, small, tmp_path):
    folder, _, _ = shared
    file = small(('{ use = "mlp", hidden = [16] }', '"conv"'))
    output = call("run", file, "--results", tmp_path / "results", "--data", folder / "data", code=2)
    assert "small.toml:4: architecture[0]: for AE on digits:" in output
    assert "8" in output
    assert not (tmp_path / "results").exists()


def test_a_batch_larger_than_the_data_is_reported(shared, small):
    folder, _, _ = shared
    output = call("run", small(("epochs = 2", "epochs = 2, batch = 5000")), "--data", folder / "data", code=2)
    assert "small.toml:9: training.batch: digits has 1437 training images, fewer than one batch" in output


def test_a_damaged_data_file_is_named(shared, small, tmp_path):
    folder, _, _ = shared
    bad = tmp_path / "data/digits"
    bad.mkdir(parents=True)
    for path in (folder / "data/digits").iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    (bad / "train_x.npy").write_bytes((bad / "train_x.npy").read_bytes()[:500])
    output = call("run", small(), "--data", tmp_path / "data", "--results", tmp_path / "results", code=2)
    assert "small.toml:3: dataset[0]:" in output
    assert "train_x.npy" in output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_results_folder_is_reported(shared, small, tmp_path):
    folder, _, _ = shared
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(stat.S_IRUSR | stat.S_IXUSR)
    output = call("run", small(), "--data", folder / "data", "--results", tmp_path / "locked", code=4)
    assert "cannot be written" in output


def test_a_file_in_place_of_the_results_folder_is_reported(shared, small, tmp_path):
    folder, _, _ = shared
    (tmp_path / "file").write_text("")
    output = call("run", small(), "--data", folder / "data", "--results", tmp_path / "file", code=4)
    assert "cannot be written" in output


def test_a_damaged_record_is_set_aside_and_made_again(shared, small, tmp_path):
    folder, _, _ = shared
    words = (
        "run",
        small(("[0, 1]", "[0]")),
        "--data",
        folder / "data",
        "--results",
        tmp_path / "results",
        "--no-mlflow",
    )
    call(*words)
    record = next((tmp_path / "results").rglob("ae-*/record.json"))
    before = json.loads(record.read_text())
    record.write_text("{")
    assert f"{record}: damaged, set aside as record.corrupt, and made again" in call(*words)
    assert json.loads(record.read_text())["weights"] == before["weights"]


def test_runs_without_weights_are_left_as_they_are_unless_told_to_train_them_again(small, tmp_path):
    file = small(("seeds = [0, 1]", "seeds = [0]"))
    where = ("--results", tmp_path / "results", "--data", tmp_path / "data")
    call("run", file, *where, "--no-mlflow")
    for path in tmp_path.rglob("weights.safetensors"):
        path.unlink()
    file = small(("seeds = [0, 1]", "seeds = [0]"), ('"rate"', '"rate", "active_units"'))
    why = "2 runs without weights to measure active_units: left as they are (`run --retrain` trains them again)"
    lines = call("plan", file, *where).splitlines()
    assert ([line.split()[0] for line in lines[:2]], lines[2:]) == (["retrain"] * 2, ["2 runs: 2 retrain", why])
    output = call("run", file, *where, "--no-mlflow")
    assert why in output.splitlines()
    assert "Squared" in output
    assert not list(tmp_path.rglob("weights.safetensors"))
    output = call("run", file, *where, "--no-mlflow", "--retrain")
    assert f"2 runs moved to {tmp_path}/results/small/set-aside, to be trained again" in output
    assert call("plan", file, *where).splitlines()[2:] == ["2 runs: 2 done"]


def test_a_failed_run_is_reported_and_the_others_continue(shared, small, tmp_path, install):
    install(
        "faulty",
        "from vimae_bench.models import Deterministic\n"
        "from vimae_bench.plugin import Objective, hookimpl\n"
        "class Faulty(Objective):\n"
        "    'Fails.'\n"
        "    def posterior(self): return Deterministic()\n"
        "    def __call__(self, model, batch): raise ArithmeticError('on purpose')\n"
        "@hookimpl\n"
        "def vimae_objectives(): return {'faulty': Faulty}\n",
    )
    folder, _, _ = shared
    file = small(('"ae"', '"faulty"'), ("[0, 1]", "[0]"))
    output = call("run", file, "--data", folder / "data", "--results", tmp_path / "results", "--no-mlflow", code=1)
    found = re.search(r"ArithmeticError: on purpose \((.*), line 6\)", output)
    assert found, output
    assert "raise ArithmeticError" in Path(found[1]).read_text().splitlines()[5]
    assert "VAE" in output
    assert "1 done" in call("plan", file, "--results", tmp_path / "results", "-k", "elbo")


def test_plugins_are_listed_with_their_distribution_or_the_reason_why_they_are_broken(install):
    install("wrecked", "1/0", version="0.3")
    output = call("plugins")
    assert "\n  elbo " in output
    assert "[vimae-bench" not in output, "the source of what is built in"
    assert "wrecked (wrecked 0.3): raised ZeroDivisionError at import" in output
    listed = json.loads(call("plugins", "--json"))
    assert {"plugin": "wrecked", "distribution": "wrecked", "distribution_version": "0.3"}.items() <= listed["broken"][
        0
    ].items()
    beta = next(p for p in listed["plugins"] if p["name"] == "elbo")["settings"]["beta"]
    assert beta["default"] == 1.0


def test_presets_and_schedules_are_listed_with_their_distribution(install):
    install(
        "extra",
        "from vimae_bench.plugin import Preset, hookimpl\n"
        "@hookimpl\n"
        "def vimae_presets():\n"
        "    return {'gentle': Preset({'beta': 0.5}, {'epochs': 3}, {'mnist': {'batch': 7}}, 'scale')}\n"
        "@hookimpl\n"
        "def vimae_schedules(): return {'halving': lambda epoch, epochs: epoch * 0 + 0.5}\n",
        version="0.3",
    )
    output = call("plugins")
    summary = "objective.beta = 0.5; training.epochs = 3; objective.scale from sigma; more for mnist"
    words = " ".join(output.split())
    assert f"gentle {summary} [extra 0.3] paper objective" in words
    assert "schedule halving [extra 0.3] wae_smooth wae_steps" in words
    listed = json.loads(call("plugins", "--json"))
    origin = {"distribution": "extra", "distribution_version": "0.3", "module": "extra"}
    assert {"name": "halving", **origin} in listed["schedules"]
    (preset,) = [preset for preset in listed["presets"] if preset["name"] == "gentle"]
    assert preset == {
        "name": "gentle",
        **origin,
        "objective": {"beta": 0.5},
        "training": {"epochs": 3},
        "training_by_dataset": {"mnist": {"batch": 7}},
        "scale_from_sigma": "scale",
    }


def test_a_broken_plugin_stops_no_benchmark_that_does_without_it(shared, install):
    install("wrecked", "1/0")
    folder, file, _ = shared
    assert "4 done" in call("plan", file, "--results", folder / "results")


def test_check_reports_passed_and_failed_checks(install):
    output = call("check", "mmd")
    assert output.startswith("divergence mmd (vimae-bench ")
    assert re.search(r"^  ok +[\d.]+ s  gradient points to the prior$", output, re.MULTILINE)
    assert re.search(r"^  skipped +[\d.]+ s  critic learns: it has no critic$", output, re.MULTILINE)
    assert re.search(r"^  13 checks: 12 ok, 1 skipped; [\d.]+ s$", output, re.MULTILINE)
    install(
        "leaky",
        "from vimae_bench.plugin import Divergence, hookimpl\n"
        "class Leaky(Divergence):\n"
        "    'Is no divergence.'\n"
        "    def loss(self, z, prior, context): return z.sum() * 0 + 1\n"
        "@hookimpl\n"
        "def vimae_divergences(): return {'leaky': Leaky}\n",
    )
    output = call("check", "leaky", code=1)
    assert output.startswith("divergence leaky (leaky 1.0)\n")
    assert "grows with distance: is 1.0000 for draws of the prior" in output
    assert "no plugin is called nothing" in call("check", "nothing", code=2)
    assert "settings (give them with -s): betta: there is no setting" in call("check", "elbo", "-s", "betta=1", code=1)


def test_help_imports_no_scientific_library():
    code = (
        "import sys, click.testing, vimae_bench.cli as c\n"
        "assert click.testing.CliRunner().invoke(c.main, ['--help']).exit_code == 0\n"
        "assert not {'torch', 'scipy', 'pandas', 'matplotlib', 'mlflow', 'rich', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("group", [[], ["data"]])
def test_short_help_is_not_cut(group, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    listed = call(*group, "--help").split("Commands:\n")[1].splitlines()
    assert len(listed) == (3 if group else len(COMMANDS))
    assert all(line.endswith(".") and not line.endswith("..") and len(line) <= 80 for line in listed)


def test_an_unknown_command_is_answered_with_the_nearest():
    assert "there is no command 'leaderboards'; did you mean 'leaderboard'?" in call("leaderboards", code=2)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help(name):
    assert "Example" in call(name, "--help")


def test_labels_with_markup_and_control_characters_do_no_harm(shared, small, tmp_path):
    folder, _, _ = shared
    file = small(('"AE"', '"[red]a[/oops]\\u001b[31m"'), ("[0, 1]", "[0]"))
    output = call("run", file, "--data", folder / "data", "--results", tmp_path / "results", "--no-mlflow")
    assert "[red]a[/oops]" in output
    assert "\x1b[31m" not in output


def test_a_users_own_arrays_are_trained_on(small, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    random = np.random.default_rng(0)
    for part, n in (("train", 200), ("test", 100)):
        np.save(mine / f"{part}_x.npy", random.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8))
    file = small(('"digits"', f'{{ use = "arrays", path = "{mine}" }}'), ("[0, 1]", "[0]"))
    assert "Squared" in call("run", file, "--results", tmp_path / "results", "--no-mlflow")


def test_a_disk_too_small_for_all_runs_is_reported_before_training(shared, small, tmp_path, monkeypatch):
    monkeypatch.setattr("vimae_bench.engine.disk_space.EXTRA_BYTES_PER_RUN", 2**60)
    folder, *_ = shared
    output = call("run", small(), "--results", tmp_path / "results", "--data", folder / "data", code=4)
    assert "GiB is free; make room, or choose another with --results" in output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("given", ["path=/tmp/x", "path='/tmp/x'"])
def test_a_setting_for_a_check_may_be_a_bare_word(given):
    assert "5 checks: 5 ok" in call("check", "arrays", "-s", given)
