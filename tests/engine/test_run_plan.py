"""A plan reads the state of every run once, and says what is still to be done."""

from pathlib import Path

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.engine.run_plan import carry_out, check_run, make_executor, open_results, prepare_run
from vimae_bench.storage.archive import pack_results
from vimae_bench.storage.store import ResultsFolder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def run_benchmark(file: Path, folder: Path, data: Path, seeds: int | None = None) -> None:
    benchmark = read_benchmark(file)
    matrix = list_entries(benchmark)
    plan = prepare_run(benchmark, matrix[:seeds], folder, data)
    executor = make_executor(plan, prepare=True)
    check_run(plan, print)
    plan = open_results(plan, matrix, (), print)
    assert not carry_out(plan, executor, ())


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
