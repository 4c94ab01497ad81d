import shutil
import socket
import time
from contextlib import contextmanager

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from vimae_bench.core.errors import ResultsError
from vimae_bench.core.spec import MatrixEntry, PluginSpec
from vimae_bench.tracking.appearance import plan_appearance
from vimae_bench.tracking.method_runs import MethodRuns
from vimae_bench.tracking.store import default_store_uri, open_experiment
from vimae_bench.tracking.sync import SyncSummary, sync_benchmark
from vimae_bench.tracking.sync_run import RunSync
from vimae_bench.tracking.sync_state import SyncState

pytestmark = pytest.mark.medium

BEGAN = 1_700_000_000_000


def test_mlflow_has_everything_of_a_finished_run(bench):
    bench.add_finished_run(bench.entries[0])
    assert sync_benchmark(bench.path) == SyncSummary(1, 0)
    (run,) = bench.read_mlflow_runs()
    assert run["status"] == "FINISHED"
    assert run["times"] == (BEGAN, BEGAN + 60_000)
    assert run["tags"]["vb.run_key"] == bench.entries[0].run.key
    assert run["tags"]["vb.method"] == "VIMAE-n"
    assert run["tags"]["vb.status"] == "done"
    assert run["params"]["objective.divergence.kernel"] == "imq"
    assert run["params"]["training.epochs"] == "5"
    assert run["curves"]["train/total"] == [(e, BEGAN + 1000 * e, 100.0 / e) for e in range(1, 6)]
    assert len(run["curves"]["train/mmd_at_prior"]) == 5
    assert "train/kl" not in run["curves"]
    assert [point[2] for point in run["curves"]["accuracy"]] == [0.9]
    assert [point[2] for point in run["curves"]["accuracy_at_1k"]] == [0.5]
    assert not any(name.startswith("within_model_se") for name in run["curves"])
    assert [name for name in run["files"] if "/" not in name] == ["cell.json", "record.json", "spec.json"]
    assert "pictures/samples.png" in run["files"]


def test_artifacts_are_in_the_results_folder(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    (record,) = (bench.path.parent / "mlflow-artifacts" / "toy").rglob("record.json")
    assert record.read_bytes() == bench.folder(bench.entries[0]).record.read_bytes()


def test_mirroring_again_sends_nothing(bench, monkeypatch):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    before = bench.read_mlflow_runs()
    for name in ("create_run", "log_batch", "log_artifact", "set_terminated", "update_run", "search_runs"):
        monkeypatch.setattr(MlflowClient, name, None)
    assert sync_benchmark(bench.path) == SyncSummary(1, 0)
    monkeypatch.undo()
    assert bench.read_mlflow_runs() == before


def test_a_lost_state_sends_everything_again_and_changes_nothing(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    before = bench.read_mlflow_runs()
    (bench.folder(bench.entries[0]).path / ".mlflow.json").unlink()
    assert sync_benchmark(bench.path) == SyncSummary(1, 0)
    assert bench.read_mlflow_runs() == before


def test_a_run_is_followed_while_it_goes_on(bench):
    entry = bench.entries[0]
    bench.begin_run(entry)
    bench.train_epochs(entry, 1, 2)
    sync_benchmark(bench.path)
    (run,) = bench.read_mlflow_runs()
    assert (run["status"], len(run["curves"]["train/total"])) == ("RUNNING", 2)
    bench.train_epochs(entry, 3, 5)
    bench.end_run(entry)
    sync_benchmark(bench.path)
    (run,) = bench.read_mlflow_runs()
    assert (run["status"], len(run["curves"]["train/total"])) == ("FINISHED", 5)


def test_only_what_is_new_is_sent(bench, monkeypatch):
    entry, steps = bench.entries[0], []
    bench.begin_run(entry)
    bench.train_epochs(entry, 1, 2)
    sync_benchmark(bench.path)
    bench.train_epochs(entry, 3, 5)
    real = MlflowClient.log_batch

    def recorded(client, run_id, metrics=(), params=(), tags=(), synchronous=None):
        steps.extend(metric.step for metric in metrics if metric.key == "train/total")
        return real(client, run_id, metrics, params, tags, synchronous)

    monkeypatch.setattr(MlflowClient, "log_batch", recorded)
    sync_benchmark(bench.path)
    assert steps == [3, 4, 5]


def test_a_line_that_is_being_written_is_sent_when_it_is_complete(bench):
    entry = bench.entries[0]
    bench.begin_run(entry)
    bench.train_epochs(entry, 1, 3)
    events = bench.folder(entry).events
    complete = events.read_bytes()
    events.write_bytes(complete[:-20])
    sync_benchmark(bench.path)
    assert [p[0] for p in bench.read_mlflow_runs()[0]["curves"]["train/total"]] == [1, 2]
    events.write_bytes(complete)
    sync_benchmark(bench.path)
    assert [p[0] for p in bench.read_mlflow_runs()[0]["curves"]["train/total"]] == [1, 2, 3]


@pytest.mark.parametrize("between", [True, False])
def test_an_epoch_repeated_by_a_resumed_run_is_sent_once(bench, between):
    entry = bench.entries[0]
    bench.begin_run(entry)
    bench.train_epochs(entry, 1, 3)
    if between:
        sync_benchmark(bench.path)
    bench.folder(entry).append_event("started", time=BEGAN / 1000 + 100, resumed_from=2)
    bench.train_epochs(entry, 3, 5, at=BEGAN / 1000 + 100)
    sync_benchmark(bench.path)
    curve = bench.read_mlflow_runs()[0]["curves"]["train/total"]
    assert [step for step, _, _ in curve] == [1, 2, 3, 4, 5]
    assert curve[2][1] == BEGAN + 3000


def test_a_metric_measured_later_is_picked_up(bench):
    entry = bench.entries[0]
    bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    rate = PluginSpec("rate")
    bench.measure_run(entry, 3.5, rate)
    more = MatrixEntry(entry.label, entry.run, (*entry.metrics, rate))
    assert sync_benchmark(bench.path, entries=[more]) == SyncSummary(1, 0)
    assert [p[2] for p in bench.read_mlflow_runs()[0]["curves"]["accuracy"]] == [0.9, 3.5]


def test_two_settings_of_one_metric_keep_their_measures_apart(bench):
    entry = bench.entries[0]
    other = PluginSpec("svm", {"images": 50})
    bench.add_finished_run(entry)
    bench.measure_run(entry, 0.4, other)
    sync_benchmark(bench.path, entries=[MatrixEntry(entry.label, entry.run, (*entry.metrics, other))])
    curves = bench.read_mlflow_runs()[0]["curves"]
    assert curves["accuracy images_1000"][0][2] == 0.9
    assert curves["accuracy images_50"][0][2] == 0.4


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_run_that_ended_badly_is_failed_and_says_why(bench, status):
    entry = bench.entries[0]
    bench.begin_run(entry)
    bench.end_run(entry, status, "total not finite in epoch 1")
    sync_benchmark(bench.path)
    (run,) = bench.read_mlflow_runs()
    assert run["status"] == "FAILED"
    assert (run["tags"]["vb.status"], run["tags"]["vb.reason"]) == (status, "total not finite in epoch 1")


def test_a_failed_run_that_is_tried_again_ends_well(bench):
    entry = bench.entries[0]
    bench.begin_run(entry)
    bench.end_run(entry, "failed", "out of memory")
    sync_benchmark(bench.path)
    bench.train_epochs(entry, 1, 5)
    bench.end_run(entry)
    sync_benchmark(bench.path)
    (run,) = bench.read_mlflow_runs()
    assert (run["status"], run["tags"]["vb.status"], run["tags"]["vb.reason"]) == ("FINISHED", "done", "")


def test_a_run_begun_again_in_a_new_folder_is_another_run(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    shutil.rmtree(bench.folder(bench.entries[0]).path)
    bench.begin_run(bench.entries[0], at=BEGAN / 1000 + 500)
    sync_benchmark(bench.path)
    assert sorted(len(run["curves"]) for run in bench.read_mlflow_runs()) == [0, 5]


def test_another_store_gets_everything_from_the_start(bench, template, tmp_path):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    other = tmp_path / "other.db"
    shutil.copy(template, other)
    assert sync_benchmark(bench.path, f"sqlite:///{other}") == SyncSummary(1, 0)
    client = MlflowClient(f"sqlite:///{other}")
    (run,) = client.search_runs([client.get_experiment_by_name("toy").experiment_id], "tags.`vb.seed` = '0'")
    assert len(client.get_metric_history(run.info.run_id, "train/total")) == 5
    assert run.info.status == "FINISHED"


def test_only_the_runs_asked_for_and_begun_are_mirrored(bench):
    assert sync_benchmark(bench.path) == SyncSummary(0, 0)
    for entry in bench.entries:
        bench.add_finished_run(entry)
    assert sync_benchmark(bench.path, entries=bench.entries[1:]) == SyncSummary(1, 0)
    assert [run["tags"]["vb.seed"] for run in bench.read_mlflow_runs()] == ["1"]


def test_a_damaged_file_costs_its_run_alone_and_is_named(bench):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    damaged = bench.folder(bench.entries[0]).metric_path(bench.entries[0].metrics[0])
    damaged.write_text('{"estim')
    summary = sync_benchmark(bench.path)
    assert (summary.mirrored, summary.behind) == (1, 1)
    assert str(damaged) in summary.reason
    bench.measure_run(bench.entries[0])
    assert sync_benchmark(bench.path) == SyncSummary(2, 0)
    assert [run["status"] for run in bench.read_mlflow_runs()] == ["FINISHED", "FINISHED"]


def test_no_run_is_taken_up_when_the_time_is_over(bench):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    summary = sync_benchmark(bench.path, seconds=0)
    assert summary.behind == 2
    assert "not all could be sent" in summary.reason


def test_a_folder_that_holds_no_benchmark_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"benchmark\.json"):
        sync_benchmark(tmp_path / "toy")


class Killed(BaseException):
    """As kill -9: nothing handles it, and nothing is done after it."""


@contextmanager
def killed_after(steps, monkeypatch):
    """Kill a sync after so many calls to MLflow and writes of its state."""
    left = steps

    def limited(real):
        def step(*args, **kwargs):
            nonlocal left
            if left <= 0:
                raise Killed
            left -= 1
            done = real(*args, **kwargs)
            if left <= 0:
                raise Killed
            return done

        return step

    with monkeypatch.context() as patch:
        for name in ("create_run", "log_batch", "log_artifact", "set_terminated", "update_run"):
            patch.setattr(MlflowClient, name, limited(getattr(MlflowClient, name)))
        patch.setattr(SyncState, "write", limited(SyncState.write))
        yield


def test_a_sync_killed_at_any_step_leaves_one_run_and_each_point_once(bench, monkeypatch):
    entry = bench.entries[0]
    bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    undisturbed = bench.read_mlflow_runs()
    steps = 0
    while True:
        steps += 1
        _forget(bench)
        try:
            with killed_after(steps, monkeypatch):
                target = open_experiment(bench.path, default_store_uri(bench.path.parent))
                # Five epochs of three terms make three batches.
                methods = MethodRuns(target, plan_appearance(bench.entries))
                RunSync(target, methods, bench.folder(entry), entry, batch_size=6).send_updates()
        except Killed:
            assert sync_benchmark(bench.path) == SyncSummary(1, 0)
            assert _plain(bench.read_mlflow_runs()) == _plain(undisturbed), f"killed after {steps} steps"
        else:
            break
    assert steps > 12


def _forget(bench):
    """Remove what was mirrored."""
    client = bench.open_client()
    (bench.folder(bench.entries[0]).path / ".mlflow.json").unlink(missing_ok=True)
    for run in client.search_runs([client.get_experiment_by_name("toy").experiment_id]):
        client.delete_run(run.info.run_id)


def _plain(runs):
    """Without what MLflow itself adds."""
    return [run | {"tags": {k: v for k, v in run["tags"].items() if k.startswith("vb.")}} for run in runs]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


@pytest.fixture(params=["nobody listens", "nobody answers"])
def dead_server(request):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "nobody answers":
            listener.listen()
        yield f"http://me:secret@127.0.0.1:{listener.getsockname()[1]}"


def test_a_dead_server_costs_bounded_time_and_no_data(bench, impatient, dead_server, capfd):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    began = time.monotonic()
    summary = sync_benchmark(bench.path, dead_server)
    assert time.monotonic() - began < 100  # MLflow's own limits allow many minutes
    assert (summary.mirrored, summary.behind) == (0, 2)
    assert "127.0.0.1" in summary.reason
    assert "secret" not in summary.reason
    assert capfd.readouterr() == ("", "")
    assert sync_benchmark(bench.path) == SyncSummary(2, 0)


def test_a_store_that_fails_in_the_middle_is_left_alone_and_caught_up_with(bench, monkeypatch):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    calls = []

    def down(*_, **__):
        calls.append(1)
        raise MlflowException("connection refused by http://me:secret@host")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifact", down)
        summary = sync_benchmark(bench.path)
    assert len(calls) == 1
    assert summary == SyncSummary(0, 2, "MlflowException: connection refused by http://***@host")
    assert sync_benchmark(bench.path) == SyncSummary(2, 0)
    assert {run["status"] for run in bench.read_mlflow_runs()} == {"FINISHED"}


def test_a_read_only_store_is_reported_and_not_changed(bench):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    store = bench.path.parent / "mlflow.db"
    before = store.read_bytes()
    summary = sync_benchmark(bench.path, f"sqlite:///file:{store}?mode=ro&uri=true")
    assert (summary.mirrored, summary.behind, "readonly database" in summary.reason) == (0, 2, True)
    assert store.read_bytes() == before
    assert sync_benchmark(bench.path) == SyncSummary(2, 0)


def test_what_mlflow_refuses_of_one_run_costs_that_run_alone(bench, monkeypatch):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    real = MlflowClient.log_artifact
    refused = str(bench.folder(bench.entries[0]).record)

    def picky(client, run_id, path, below=None):
        if path == refused:
            raise MlflowException("not this one", INVALID_PARAMETER_VALUE)
        real(client, run_id, path, below)

    monkeypatch.setattr(MlflowClient, "log_artifact", picky)
    assert sync_benchmark(bench.path) == SyncSummary(1, 1, "MlflowException: not this one")


def test_no_password_is_written_into_the_results(bench, monkeypatch, tmp_path):
    bench.add_finished_run(bench.entries[0])
    monkeypatch.chdir(tmp_path)  # MLflow, taken for a server, chooses where its artifacts go
    monkeypatch.setattr("mlflow.MlflowClient", lambda _uri: MlflowClient(default_store_uri(bench.path.parent)))
    assert sync_benchmark(bench.path, "http://me:secret@host").mirrored == 1
    written = [p.read_bytes() for p in bench.path.rglob("*") if p.is_file()]
    assert not any(b"secret" in content for content in written)


REMEDY = "Take a backup of your database, then run 'mlflow db upgrade <database_uri>' to migrate it."


@pytest.mark.parametrize("found", [1, "0" * 900], ids=["short", "long"])
def test_the_remedy_at_the_end_of_a_reason_is_kept(bench, monkeypatch, found):
    bench.add_finished_run(bench.entries[0])

    def refuse(*_):
        raise ValueError(f"Detected out-of-date database schema (found version {found}, but expected 2). {REMEDY}")

    monkeypatch.setattr("vimae_bench.tracking.sync.open_experiment", refuse)
    reason = sync_benchmark(bench.path).reason
    assert reason.startswith("ValueError: Detected out-of-date database schema (found version ")
    assert reason.endswith(REMEDY)
    assert len(reason) <= 600


def test_a_folder_that_cannot_be_written_is_a_reason(bench):
    bench.add_finished_run(bench.entries[0])
    (bench.folder(bench.entries[0]).path / ".mlflow.lock").mkdir()
    summary = sync_benchmark(bench.path)
    assert summary.behind == 1
    assert ".mlflow.lock" in summary.reason


def sync_again(bench):
    """As the command does."""
    return sync_benchmark(bench.path, verify=True)


def by_seed(bench):
    return sorted(bench.read_mlflow_runs(), key=lambda run: run["params"]["seed"])


def open_client(bench):
    client = MlflowClient(default_store_uri(bench.path.parent))
    return client, client.get_experiment_by_name("toy").experiment_id


def test_runs_deleted_from_mlflow_are_sent_again(bench):
    for entry in bench.entries[:2]:
        bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    before = by_seed(bench)
    client, experiment = open_client(bench)
    for run in client.search_runs([experiment]):
        client.delete_run(run.info.run_id)
    assert bench.read_mlflow_runs() == []
    assert sync_again(bench) == SyncSummary(2, 0)
    for again, once in zip(by_seed(bench), before, strict=True):
        assert (again["params"], again["curves"], again["status"]) == (once["params"], once["curves"], once["status"])


def test_a_method_deleted_from_mlflow_is_made_again(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    client, experiment = open_client(bench)
    (child,) = client.search_runs([experiment], "tags.vb.run_key != ''")
    client.delete_run(child.data.tags["mlflow.parentRunId"])
    assert sync_again(bench) == SyncSummary(1, 0)
    (child,) = client.search_runs([experiment], "tags.vb.run_key != ''")
    assert client.get_run(child.data.tags["mlflow.parentRunId"]).info.lifecycle_stage == "active"


def test_a_deleted_experiment_is_restored(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    client, experiment = open_client(bench)
    client.delete_experiment(experiment)
    assert sync_again(bench) == SyncSummary(1, 0)
    assert client.get_experiment(experiment).lifecycle_stage == "active"
    assert len(bench.read_mlflow_runs()) == 1


def test_a_training_that_started_over_is_a_new_run_without_the_old_epochs(bench):
    folder = bench.folder(bench.entries[0])
    folder.write_spec(bench.entries[0].run)

    def append(event, second, **fields):
        folder.append_event(event, time=BEGAN / 1000 + second, **fields)

    append("started", 0, resumed_from=0)
    append("epoch", 1, epoch=1, seconds=1.0, terms={"total": 9.0})
    sync_benchmark(bench.path)
    append("restarted", 2, remark="its training starts over")
    append("started", 3, resumed_from=0)
    append("epoch", 4, epoch=1, seconds=1.0, terms={"total": 900.0})
    sync_benchmark(bench.path)
    old, new = sorted(bench.read_mlflow_runs(), key=lambda run: run["times"][0])
    assert old["status"] == "KILLED"
    assert new["times"][0] == BEGAN + 2000
    assert [value for _, _, value in new["curves"]["train/total"]] == [900.0]
