"""The store in a results folder keeps files in that folder, whatever its database says."""

import os
import shutil
import socket
import sqlite3
import threading

import pytest

from vimae_bench.core.errors import BenchError
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tracking.import_runs import import_runs
from vimae_bench.tracking.sync import sync_benchmark, sync_summary

pytestmark = pytest.mark.medium


@pytest.fixture
def elsewhere():
    """The address of a server, and what it was asked for."""
    asked = list[str]()

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(100).decode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/2.0/mlflow-artifacts/artifacts", asked


def change(bench, statement, *values):
    connection = sqlite3.connect(bench.path.parent / "mlflow.db")
    with connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize("where", ["server", "folder", "above"])
def test_an_experiment_that_keeps_files_elsewhere_is_refused(bench, elsewhere, tmp_path, where):
    places = {"server": elsewhere[0], "folder": (tmp_path / "x").as_uri()}
    places["above"] = (tmp_path / "mlflow-artifacts/toy/../../x").as_uri()
    bench.begin_run(bench.entries[0])
    sync_benchmark(bench.path)
    change(bench, "UPDATE experiments SET artifact_location = ? WHERE name = 'toy'", places[where])
    bench.add_finished_run(bench.entries[1])
    summary = sync_benchmark(bench.path)
    assert (summary.mirrored, summary.behind) == (0, 2)
    assert "keeps files outside" in summary.reason  # which is cut where the path is long
    assert "keeps files outside" in sync_summary(bench.path)
    assert elsewhere[1] == []
    assert not (tmp_path / "x").exists()


def test_a_run_that_keeps_files_elsewhere_is_refused_alone(bench, elsewhere):
    for entry in bench.entries:
        bench.begin_run(entry)
    sync_benchmark(bench.path)
    change(bench, "UPDATE runs SET artifact_uri = ? WHERE name LIKE '%seed 0%' OR run_uuid = ?", elsewhere[0], "")
    change(
        bench,
        "UPDATE runs SET artifact_uri = ? WHERE run_uuid IN (SELECT run_uuid FROM tags WHERE value = ?)",
        elsewhere[0],
        bench.entries[0].run.key,
    )
    for entry in bench.entries:
        bench.add_finished_run(entry)
    summary = sync_benchmark(bench.path)
    assert (summary.mirrored, summary.behind) == (1, 1)
    assert "keeps files of a run outside" in summary.reason
    assert elsewhere[1] == []


def test_a_comparison_reads_no_files_from_elsewhere(bench, elsewhere, tmp_path):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    change(bench, "UPDATE runs SET artifact_uri = ?", elsewhere[0])
    with pytest.raises(BenchError, match="keeps files of a run outside"):
        import_runs("toy", "", tmp_path, ResultsFolder(tmp_path / "copy"))
    assert elsewhere[1] == []


def test_a_database_that_changes_by_itself_is_refused(bench, elsewhere):
    bench.add_finished_run(bench.entries[0])
    change(
        bench,
        f"CREATE TRIGGER t AFTER INSERT ON runs BEGIN UPDATE runs SET artifact_uri = '{elsewhere[0]}'; END",
    )
    assert "changes by itself where files are kept" in sync_benchmark(bench.path).reason
    assert elsewhere[1] == []


@pytest.mark.parametrize("place", ["mlflow-artifacts", "mlflow-artifacts/toy", "run", "file"])
def test_no_link_among_the_files_is_followed(bench, tmp_path, place):
    bench.begin_run(bench.entries[0])
    sync_benchmark(bench.path)
    (card,) = (tmp_path / "mlflow-artifacts").rglob("spec.json")
    path = {"run": card.parent, "file": card}.get(place, tmp_path / place)
    outside = tmp_path / "outside"
    shutil.move(path, outside)
    path.symlink_to(outside)
    before = {file: file.stat().st_mtime_ns for file in (outside, *outside.rglob("*"))}
    bench.add_finished_run(bench.entries[0])
    assert sync_benchmark(bench.path).behind == 1
    assert {file: file.stat().st_mtime_ns for file in (outside, *outside.rglob("*"))} == before


@pytest.mark.parametrize("name", ["mlflow.db", "mlflow.db-wal", ".mlflow.lock"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_database_or_lock_that_is_no_regular_file_is_refused(bench, tmp_path, name, kind):
    bench.add_finished_run(bench.entries[0])
    (tmp_path / "outside").write_text("kept")
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "outside") if kind == "link" else os.mkfifo(tmp_path / name)
    assert "regular file" in sync_benchmark(bench.path).reason
    assert (tmp_path / "outside").read_text() == "kept"


def test_a_report_that_is_a_link_is_not_sent(bench, tmp_path):
    bench.add_finished_run(bench.entries[0])
    (tmp_path / "private").write_text("private")
    (bench.path / "report.html").symlink_to(tmp_path / "private")
    sync_benchmark(bench.path)
    assert "is a link in place of a regular file" in sync_summary(bench.path)
    assert not list((tmp_path / "mlflow-artifacts").rglob("report.html"))


def test_a_store_of_a_results_folder_that_was_moved_is_refused(bench, tmp_path):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    (tmp_path / "new").mkdir()
    for name in ("toy", "mlflow.db", "mlflow-artifacts"):
        shutil.move(tmp_path / name, tmp_path / "new" / name)
    (tmp_path / "new/toy/runs" / bench.entries[0].run.name / ".mlflow.json").unlink()
    assert "keeps files outside" in sync_benchmark(tmp_path / "new" / "toy").reason
    assert not (tmp_path / "mlflow-artifacts").exists()
