import threading
import time
from dataclasses import replace

import pytest

from vimae_bench.execution import Job, JobEnded, JobStarted, MatrixEntry, PluginSpec, Run, Tick, Training
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tracking import SyncSummary, default_store_uri
from vimae_builtin.reporters import mlflow as mlflow_reporter
from vimae_builtin.reporters.mlflow import MlflowReporter, SyncTiming, create_thread, sync_while_running

pytestmark = pytest.mark.medium


@pytest.fixture
def jobs(tmp_path):
    runs = [
        Run(*(PluginSpec(use) for use in ("digits", "mlp", "ae", "normal")), 2, Training(epochs=3), s) for s in (0, 1)
    ]
    store = ResultsFolder(tmp_path / "toy")
    entries = [MatrixEntry("AE", run, ()) for run in runs]
    store.write_benchmark("toy", "", {}, entries)
    for entry in entries:
        store.run_folder(entry.run).append_event("started", time=1.0, resumed_from=0)
    return [Job("toy", entry, store.run_folder(entry.run).path, tmp_path) for entry in entries]


QUICK = SyncTiming(poll=0.02, max_poll=0.5, catch_up=0.5, store_timeout=0.5, stop=0.2)


class RecordedSync:
    """Stands for `sync_benchmark`, and keeps what it was asked for."""

    def __init__(self, answer=SyncSummary(1, 0)):  # noqa: B008
        self.calls, self.answer = [], answer

    def __call__(self, benchmark, uri, entries=None, **_):
        self.calls.append((benchmark, uri, None if entries is None else {entry.run.seed for entry in entries}))
        return self.answer

    def wait(self, seeds):
        deadline = time.monotonic() + 60
        while not self.calls or self.calls[-1][2] != seeds:
            assert time.monotonic() < deadline, f"never looked at {seeds}, but at {self.calls}"
            time.sleep(0.005)


def run_quickly(jobs, events, sync, uri=""):
    return sync_while_running(create_thread(jobs, uri, sync=sync, timing=QUICK), iter(events))


def one_run(jobs):
    return [JobStarted(jobs[0]), Tick(), JobEnded(jobs[0], 0)]


def test_every_event_is_passed_on_in_order(jobs):
    events = one_run(jobs)
    assert list(run_quickly(jobs, events, RecordedSync())) == events
    assert list(MlflowReporter()([], iter([]))) == []


def test_runs_are_mirrored_while_in_progress_and_once_more_after_their_end(jobs):
    sync = RecordedSync()
    events = [JobStarted(jobs[0]), JobStarted(jobs[1]), JobEnded(jobs[0], 0)]
    stream = run_quickly(jobs, events, sync)
    next(stream)
    sync.wait({0})
    next(stream)
    sync.wait({0, 1})
    next(stream)
    sync.wait({1})
    list(stream)
    benchmark, uri, entries = sync.calls[-1]
    assert benchmark == jobs[0].folder.parent.parent
    assert uri == f"sqlite:///{benchmark.parent}/mlflow.db"
    assert entries is None  # all runs of the benchmark, those of earlier commands included


def test_an_ended_run_is_sent_before_the_next_look_at_the_others(jobs):
    sync = RecordedSync()
    timing = replace(QUICK, send_delay=0.02, poll=60.0)
    events = [*map(JobStarted, jobs), JobEnded(jobs[1], 0)]
    stream = sync_while_running(create_thread(jobs, sync=sync, timing=timing), iter(events))
    for _ in range(3):
        next(stream)
    sync.wait({1})
    assert len(sync.calls) == 1
    list(stream)


def test_an_ended_run_is_looked_at_until_it_is_mirrored(jobs):
    sync = RecordedSync(SyncSummary(0, 1))
    stream = run_quickly(jobs, one_run(jobs), sync, "http://host")
    for _ in range(3):
        next(stream)
    sync.wait({0})
    before = len(sync.calls)
    while len(sync.calls) < before + 2:
        time.sleep(0.005)
    assert sync.calls[-1][2] == {0}
    sync.answer = SyncSummary(1, 0)
    sync.wait(set())
    list(stream)


def test_a_store_that_hangs_never_holds_up_the_stream(jobs, capsys):
    hang = threading.Event()
    began = time.monotonic()
    events = run_quickly(
        jobs, one_run(jobs), lambda *_, **__: SyncSummary(0, int(hang.wait(60))), "http://me:secret@host"
    )
    assert len(list(events)) == 3
    assert time.monotonic() - began < 30
    hang.set()
    printed = capsys.readouterr().err
    assert "2 runs not yet mirrored to http://***@host" in printed
    assert "run `vimae-bench sync`" in printed


def test_a_store_that_the_environment_names_is_said_not_to_be_used(tmp_path, monkeypatch, capsys):
    def publish(uri=""):
        MlflowReporter(uri).publish_results(tmp_path / "small")
        return capsys.readouterr().err

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert publish() == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000")
    assert publish() == (
        f"MLFLOW_TRACKING_URI (http://***@host:5000) is not used: runs are mirrored to {default_store_uri(tmp_path)}; "
        "--mlflow-uri mirrors them elsewhere\n"
    )
    assert publish("http://other:5000") == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", default_store_uri(tmp_path))
    assert publish() == ""


def test_what_is_not_mirrored_is_reported_in_one_line_at_the_end(jobs, capsys):
    list(run_quickly(jobs, one_run(jobs), RecordedSync(SyncSummary(1, 1, "connection refused")), "http://host"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "1 run not yet mirrored to http://host (connection refused); run `vimae-bench sync`\n"


def test_nothing_is_printed_when_all_went_well(jobs, capsys):
    list(run_quickly(jobs, one_run(jobs), RecordedSync()))
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_stream_does_not_wait_for_a_store_that_hangs(jobs, capsys):
    asked, hang = threading.Event(), threading.Event()

    def wait_for_store(*_, **__):
        asked.set()
        return SyncSummary(0, int(hang.wait(60)))

    thread = create_thread(jobs, sync=wait_for_store, timing=replace(QUICK, catch_up=60.0))
    stream = sync_while_running(thread, iter(one_run(jobs)))
    next(stream)
    assert asked.wait(60)
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 30
    hang.set()
    assert capsys.readouterr().err == ""


def test_an_interrupted_stream_looks_at_no_other_runs(jobs, capsys):
    sync = RecordedSync(SyncSummary(0, 1))
    stream = run_quickly(jobs, one_run(jobs), sync)
    next(stream)
    stream.close()
    assert all(seeds is not None for _, _, seeds in sync.calls)
    assert capsys.readouterr().err == ""


def test_it_mirrors_to_a_real_store(jobs, capfd):
    folder = RunFolder(jobs[0].folder)
    for epoch in (1, 2, 3):
        folder.append_event("epoch", epoch=epoch, time=1.0 + epoch, seconds=1.0, terms={"total": 3.0 / epoch})
    timing = SyncTiming(poll=0.02, store_timeout=300.0)  # on a busy machine the tables take a minute
    list(sync_while_running(create_thread(jobs, timing=timing), iter(one_run(jobs))))
    assert capfd.readouterr() == ("", "")

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{jobs[0].data}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    runs = [run for run in runs if "vb.kind" not in run.data.tags]
    assert sorted(run.data.metrics.get("train/total", 0.0) for run in runs) == [0.0, 1.0]


def test_it_says_what_to_open_and_summarises_the_methods(jobs, monkeypatch, capsys):
    sent, reporter = [], MlflowReporter("http://me:secret@host/")
    monkeypatch.setattr(mlflow_reporter, "sync_summary", lambda *given: sent.append(given) or "")
    benchmark = jobs[0].folder.parent.parent
    assert reporter.publish_results(benchmark) == {"MLflow": "http://***@host"}
    assert not sent, "without jobs there is nothing new"
    reporter.summaries.append(SyncSummary(0, 2, "down"))
    reporter.publish_results(benchmark)
    assert not sent, "a store that is down is not asked again"
    reporter.summaries.append(SyncSummary(2, 0))
    reporter.publish_results(benchmark)
    assert sent == [(benchmark, reporter.uri)]
    assert capsys.readouterr().err == ""


def test_a_summary_that_hangs_is_left_alone_after_a_while(jobs, monkeypatch, capsys):
    hang = threading.Event()
    monkeypatch.setattr(mlflow_reporter, "sync_summary", lambda *_: str(hang.wait(60)))
    began = time.monotonic()
    mlflow_reporter.send_summary(jobs[0].folder, "http://host", QUICK)
    assert time.monotonic() - began < 30
    hang.set()
    assert "methods not yet summarised in http://host (no answer in time)" in capsys.readouterr().err
