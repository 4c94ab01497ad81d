"""The benchmark of simulated runs works, and (slow) costs little more than what it has to do."""

import json
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.entities import Metric

from benchmarks.scale import command, parts, tables
from benchmarks.scale.work import simulate
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.engine.runner import list_jobs
from vimae_bench.execution import Job
from vimae_bench.storage.store import ResultsFolder

pytestmark = pytest.mark.medium

RUNS = 60


def matrix_of(folder: Path, seeds: int) -> parts.Matrix:
    return parts.Matrix(folder, seeds)


@pytest.fixture
def todo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The first jobs of the matrix, to be simulated without waiting for the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)
    matrix = matrix_of(tmp_path, 3)
    benchmark = matrix.results / parts.NAME
    wanted = [entry for entry in matrix.entries() if entry.run.dataset.settings["validation"] == 0]
    return list_jobs(ResultsFolder(benchmark), parts.NAME, wanted, tmp_path)


def test_simulated_runs_write_everything_a_leaderboard_reads(todo: list[Job], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks.scale.work.SECONDS", 0)
    assert [simulate(job) for job in todo] == [0] * RUNS
    store = ResultsFolder(todo[0].folder.parents[1])
    entries = [job.entry for job in todo]
    assert {store.get_state(entry) for entry in entries} == {"done"}
    (board,) = build_leaderboards(
        store.load_results(entries), store.load_baselines(entries), "", ("sse", "mmd2", "svm clean")
    )
    assert len(board.rows) == 20
    assert all(row.is_complete and len(row.summaries["svm clean"].estimates[0].per_draw) == 10 for row in board.rows)
    assert board.baselines["the mean image"]["sse"].value == 60.0


def test_the_matrix_has_ten_thousand_runs_of_twenty_methods_in_ten_tables(tmp_path: Path):
    entries = matrix_of(tmp_path, 50).entries()
    assert len({entry.run.key for entry in entries}) == 10_000
    assert (len({entry.label for entry in entries}), len({entry.run.dataset.key for entry in entries})) == (20, 10)


def test_the_console_is_followed_without_runs_on_disk(tmp_path: Path):
    for terminal in (False, True):
        assert parts.measure_console(matrix_of(tmp_path, 1), terminal=terminal) > 0


def test_failing_command_is_reported_with_its_output(tmp_path: Path):
    with pytest.raises(RuntimeError, match="No such file"):
        matrix_of(tmp_path, 1).leaderboard()


DRIVEN = {
    "runs": 200,
    "failed": 0,
    "jobs": 2,
    "planned": 1.0,
    "wall": 10.0,
    "lives": 14.0,
    "locked": 12.0,
    "driver": 0.2,
    "server": 2.0,
    "peak_bytes": 2**29,
}


def test_overhead_is_slot_time_minus_process_lifetimes():
    rows = {name: (value, asked) for name, value, asked in tables.scheduling(DRIVEN)}
    assert rows["overhead beyond its process, from start to last event"] == ("30 ms", "< 50 ms")
    assert rows["overhead beyond the time under its lock"] == ("40 ms", "")
    assert rows["peak memory of the scheduler"] == ("512 MiB", "< 1024 MiB")


def test_existing_runs_do_not_count_for_scheduling():
    assert not [*tables.scheduling({**DRIVEN, "runs": 0})]


PARSE = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*.json"):
    json.loads(path.read_bytes())
"""


def measure_parsing(folder: Path) -> float:
    """Processor seconds of a process that does no more than parse all JSON files."""
    return parts.time_command([sys.executable, "-c", PARSE, str(folder)]).cpu


def measure_logging(folder: Path) -> float:
    """Points per second that MLflow itself writes to a new store in SQLite, a thousand at a time."""
    client = MlflowClient(f"sqlite:///{folder / 'direct.db'}")
    run = client.create_run(client.create_experiment("direct")).info.run_id
    began = time.perf_counter()
    for first in range(0, 20_000, 1000):
        client.log_batch(run, [Metric("loss", 1.0, 0, step) for step in range(first, first + 1000)])
    return 20_000 / (time.perf_counter() - began)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_thousand_runs_cost_little_more_than_their_files_and_processes(tmp_path: Path):
    """Times are relative to others of the same minutes, since machines differ and may be busy."""
    out = tmp_path / "scale.json"
    words = ["--runs", "2000", "--folder", str(tmp_path / "runs"), "--out", str(out)]
    parts.time_command([sys.executable, "-m", "vimae_bench", "plugins"])  # which caches what is installed
    CliRunner().invoke(command.main, words, catch_exceptions=False)
    found = json.loads(out.read_text())
    driven, parsing = found["driven"], measure_parsing(tmp_path / "runs" / "results")
    assert (driven["runs"], driven["failed"]) == (2000, 0)
    assert driven["peak_bytes"] < 2**30
    assert driven["driver"] < driven["server"], "the scheduler costs less than the forks"
    assert driven["jobs"] * driven["wall"] < 3 * driven["lives"], "most of the time is that of the processes"
    assert max(found["planned"]["cpu"], found["plan"]["cpu"]) < 6 * parsing
    assert found["leaderboard"]["cpu"] < 12 * parsing
    assert found["console"]["terminal"] < 24 * parsing
    assert found["mirror"]["points_per_second"] > measure_logging(tmp_path) / 4
