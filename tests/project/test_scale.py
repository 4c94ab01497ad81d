"""The benchmark of simulated runs works, and (slow) meets its targets."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

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


@pytest.mark.slow
def test_two_thousand_runs_stay_within_bounds(tmp_path: Path):
    """With a fifth of the runs: a fifth of the target times, doubled for a busy machine."""
    out = tmp_path / "scale.json"
    words = ["--runs", "2000", "--folder", str(tmp_path / "runs"), "--out", str(out)]
    CliRunner().invoke(command.main, words, catch_exceptions=False)
    found = json.loads(out.read_text())
    driven = found["driven"]
    assert (driven["runs"], driven["failed"]) == (2000, 0)
    assert driven["peak_bytes"] < 2**30
    assert driven["driver"] / 2000 < 0.015
    assert driven["jobs"] * driven["wall"] - driven["lives"] < 2000 * 0.1
    assert max(found["planned"]["cpu"], found["plan"]["cpu"]) < 3
    assert found["leaderboard"]["cpu"] < 5
    assert found["mirror"]["points_per_second"] > 1000
    assert found["console"]["terminal"] / 2000 < 0.01
