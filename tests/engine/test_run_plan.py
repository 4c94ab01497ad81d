"""A plan reads the state of every run once, and says what is still to be done."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.plugins import forget_plugins
from vimae_bench.analysis.footnotes import note_other_sources
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.errors import BenchError, DataError
from vimae_bench.engine.run_plan import (
    RunPlan,
    carry_out,
    check_run,
    explain_other_sources,
    explain_unmeasurable,
    make_executor,
    open_results,
    prepare_run,
)
from vimae_bench.execution import NumericsOptions
from vimae_bench.storage.archive import pack_results
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def run_benchmark(file: Path, folder: Path, data: Path, seeds: int | None = None, *, retrain: bool = False) -> RunPlan:
    """Carries out what is missing, and gives the plan of what is missing then."""
    benchmark = read_benchmark(file)
    matrix = list_entries(benchmark)
    plan = prepare_run(benchmark, matrix[:seeds], folder, data, retrain=retrain)
    executor = make_executor(plan, prepare=True)
    check_run(plan, print)
    plan = open_results(plan, matrix, (), print)
    assert not carry_out(plan, executor, ())
    return prepare_run(benchmark, matrix, folder, data)


def test_runs_that_are_trained_are_not_planned_for_training(benchmark_file, tmp_path, data):
    file, folder = benchmark_file(seeds=[0, 1]), tmp_path / "results"
    run_benchmark(file, folder, data, seeds=1)
    benchmark = read_benchmark(benchmark_file(seeds=[0, 1], metrics=["reconstruction", "rate"]))
    plan = prepare_run(benchmark, list_entries(benchmark), folder, data)
    assert plan.states == ("measure", "new")
    assert [run.seed for run in plan.untrained] == [1]
    assert [job.entry.run.seed for job in plan.jobs] == [0, 1]


def test_a_run_of_two_rows_is_trained_once(benchmark_file, tmp_path, data):
    row = {"objective": "ae", "prior": "normal"}
    benchmark = read_benchmark(benchmark_file(method=[{"label": "A", **row}, {"label": "B", **row}]))
    plan = prepare_run(benchmark, list_entries(benchmark), tmp_path / "results", data)
    assert plan.states == ("new", "new")
    assert len(plan.untrained) == len(plan.jobs) == 1


def test_the_state_of_each_run_is_read_once(benchmark_file, tmp_path, data, monkeypatch):
    read, get_state = list[int](), ResultsFolder.get_state
    monkeypatch.setattr(ResultsFolder, "get_state", lambda self, e: (read.append(e.run.seed), get_state(self, e))[1])
    benchmark = read_benchmark(benchmark_file(seeds=[0, 1]))
    matrix = list_entries(benchmark)
    plan = prepare_run(benchmark, matrix, tmp_path / "results", data)
    make_executor(plan, prepare=True)
    check_run(plan, print)
    plan = open_results(plan, matrix, (), print)
    assert len(plan.jobs) == len(plan.untrained) == 2
    assert read == [0, 1]


def test_a_plan_on_an_archive_has_nothing_to_do_and_unpacks_it_only_when_opened(benchmark_file, tmp_path, data):
    file, folder = benchmark_file(), tmp_path / "results"
    run_benchmark(file, folder, data)
    pack_results(folder)
    folder.rename(tmp_path / "elsewhere")
    benchmark = read_benchmark(file)
    matrix = list_entries(benchmark)
    plan = prepare_run(benchmark, matrix, folder, data)
    assert not plan.jobs
    assert not plan.untrained
    assert not folder.exists()
    lines = list[str]()
    assert not open_results(plan, matrix, (), lines.append).jobs
    assert folder.is_dir()
    assert "unpacked" in lines[0]


METRIC = """
from vimae_bench.plugin import Estimate, Measure, Metric, hookimpl

class Constant(Metric):
    'Gives its version.'
    version = VERSION
    def measures(self): return (Measure("constant", "", "lower"),)
    def __call__(self, evaluation): return {"constant": Estimate(VERSION, 1)}

@hookimpl
def vimae_metrics(): return {"constant": Constant}
"""


def read_constants(plan: RunPlan) -> list[float]:
    return [result.estimates["constant"].value for result in plan.results.load_results(plan.entries)]


def count_trainings(plan: RunPlan) -> list[int]:
    folders = [plan.results.run_folder(entry.run) for entry in plan.entries]
    return [folder.events.read_text().count('"event": "started"') for folder in folders]


def test_a_raised_version_is_measured_again_and_trained_only_when_told_to(benchmark_file, tmp_path, data, install):
    install("constant", METRIC.replace("VERSION", "1"))
    file, folder = benchmark_file(metrics=["reconstruction", "constant"], seeds=[0, 1]), tmp_path / "results"
    plan = run_benchmark(file, folder, data)
    plan.results.run_folder(plan.entries[0].run).weights.unlink()
    install("constant", METRIC.replace("VERSION", "2"))

    benchmark = read_benchmark(file)
    plan = prepare_run(benchmark, list_entries(benchmark), folder, data)
    assert plan.states == ("retrain", "measure")
    assert (len(plan.jobs), plan.untrained) == (1, [])
    (why,) = explain_unmeasurable(plan)
    assert why.startswith("1 run without weights to measure constant version 2 (has version 1): left as they are")
    assert read_constants(plan) == [1, 1]

    plan = run_benchmark(file, folder, data)
    assert plan.states == ("retrain", "done")
    assert (read_constants(plan), count_trainings(plan)) == ([1, 2], [1, 1])

    again = prepare_run(benchmark, list_entries(benchmark), folder, data, retrain=True)
    assert [run.seed for run in again.untrained] == [job.entry.run.seed for job in again.jobs] == [0]
    plan = run_benchmark(file, folder, data, retrain=True)
    assert (plan.states, explain_unmeasurable(plan)) == (("done", "done"), [])
    assert (read_constants(plan), count_trainings(plan)) == ([2, 2], [1, 1])
    assert RunFolder(folder / "set-aside" / plan.entries[0].run.name).read_record()["status"] == "done"


def test_baselines_alone_train_nothing(benchmark_file, tmp_path, data):
    file, folder = benchmark_file(), tmp_path / "results"
    plan = run_benchmark(file, folder, data)
    plan.results.run_folder(plan.entries[0].run).weights.unlink()
    for path in (folder / "references").iterdir():
        path.unlink()
    plan = run_benchmark(file, folder, data)
    assert (plan.states, plan.jobs, count_trainings(plan)) == (("done",), [], [1])


OBJECTIVE = """
from dataclasses import dataclass
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Loss, Objective, hookimpl

@dataclass(frozen=True)
class Mine(Objective):
    '''Reconstruction.'''
    def posterior(self): return Deterministic()
    def __call__(self, model, batch):
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).rsample())).mean()
        return Loss(SCALE * sse, {})

@hookimpl
def vimae_objectives(): return {"mine": Mine}
"""


def test_runs_of_another_source_are_reported_and_trained_again_only_when_told_to(
    benchmark_file, tmp_path, data, install
):
    install("mylab", OBJECTIVE.replace("SCALE", "1"))
    mine = {"label": "Mine", "objective": "mine", "prior": "normal"}
    file, folder = benchmark_file(method=[mine, {"label": "AE", "objective": "ae", "prior": "normal"}]), tmp_path / "r"
    plan = run_benchmark(file, folder, data)
    assert (plan.other_sources, explain_other_sources(plan)) == ({}, [])
    install("mylab", OBJECTIVE.replace("SCALE", "100"))

    plan = run_benchmark(file, folder, data)
    assert plan.states == ("done", "done")
    (why,) = explain_other_sources(plan)
    assert why.startswith("1 run made by another source of mylab than is there now, under the same version: raise")
    (note,) = note_other_sources(plan.results.load_results(plan.entries))
    assert note.startswith("Mine: made by another source of mylab")
    assert count_trainings(plan) == [1, 1]

    before = RunFolder(plan.results.run_folder(plan.entries[0].run).path).read_record()["weights"]
    plan = run_benchmark(file, folder, data, retrain=True)
    assert (plan.states, explain_other_sources(plan)) == (("done", "done"), [])
    assert count_trainings(plan) == [1, 1]
    assert plan.results.run_folder(plan.entries[0].run).read_record()["weights"] != before
    assert RunFolder(folder / "set-aside" / plan.entries[0].run.name).read_record()["weights"] == before

    install("mylab", OBJECTIVE.replace("SCALE", "10"), version="1.1")
    shutil.rmtree(tmp_path / "site" / "mylab-1.0.dist-info")
    forget_plugins()
    plan = prepare_run(plan.benchmark, plan.entries, folder, data)
    assert explain_other_sources(plan) == [], "another version is compared as such"


def test_new_seeds_are_not_trained_on_other_data_than_the_first(benchmark_file, tmp_path, data):
    run_benchmark(benchmark_file(), tmp_path / "results", data)
    own = tmp_path / "own"
    shutil.copytree(data / "digits", own / "digits")
    x = np.load(own / "digits" / "train_x.npy")
    np.save(own / "digits" / "train_x.npy", x[::-1])
    with pytest.raises(DataError, match=r"made from other data: train_x.npy has changed since"):
        run_benchmark(benchmark_file(seeds=[0, 1]), tmp_path / "results", own)
    assert run_benchmark(benchmark_file(), tmp_path / "results", own).states == ("done",), "there is nothing to do"


def test_exactness_and_bfloat16_are_refused_together(benchmark_file, tmp_path, data):
    benchmark = read_benchmark(benchmark_file(training={"epochs": 1, "precision": "bfloat16"}))
    plan = prepare_run(benchmark, list_entries(benchmark), tmp_path / "results", data, NumericsOptions(exact=True))
    with pytest.raises(BenchError, match="leave one of them out"):
        check_run(plan, print)
    check_run(replace(plan, numerics=NumericsOptions()), print)


@pytest.mark.parametrize("value", ["float16", "auto", 16])
def test_another_precision_is_refused_with_those_that_there_are(benchmark_file, value):
    with pytest.raises(BenchError, match=r"training\.precision: .*float32.*bfloat16"):
        read_benchmark(benchmark_file(training={"precision": value}))
