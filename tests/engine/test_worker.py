"""One job carried out here, and all that can be wrong with what it finds."""

import json
import signal
import threading
from dataclasses import replace

import pytest
import torch
from filelock import FileLock

from helpers.benchmarks import AE, make_benchmark
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.errors import ResultsError
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.engine.runner import run_jobs, share_jobs
from vimae_bench.engine.worker import execute
from vimae_bench.execution import (
    ExitCode,
    Job,
    JobEnded,
    JobRequeued,
    JobStarted,
    MatrixEntry,
    Note,
    PluginSpec,
    Tick,
    signals,
)
from vimae_bench.execution.signals import Interrupted
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.run_folder import RunFolder, read_events
from vimae_bench.storage.store import ResultsFolder
from vimae_builtin.executors.inline import Inline

PLUGIN = """
import os
from dataclasses import dataclass
import torch
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Loss, Objective, hookimpl

@dataclass(frozen=True)
class Odd(Objective):
    '''Does one thing wrong.'''
    fault: str
    def posterior(self):
        if "ODD_FAILS" in os.environ: raise RuntimeError("out of memory")
        return Deterministic()
    def __call__(self, model, batch):
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).rsample()))
        if self.fault == "raises": raise ZeroDivisionError("on purpose")
        if self.fault == "nan": return Loss(sse.mean() * float("nan"), {})
        if self.fault == "vector": return Loss(sse, {})
        if self.fault == "memory": raise torch.OutOfMemoryError("out of memory")
        return Loss(sse.mean(), {})

@hookimpl
def vimae_objectives(): return {"odd": Odd}
"""


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    ensure_prepared(make_plugin("dataset", PluginSpec("digits")), root)
    return root


@pytest.fixture
def job(tmp_path, data):
    def made(objective="ae", **changes):
        path = tmp_path / "small.toml"
        path.write_text(make_benchmark(training={"epochs": 2}, method=[AE | {"label": "M", "objective": objective}]))
        (entry,) = list_entries(read_benchmark(path))
        entry = replace(entry, **changes)
        return Job("small", entry, tmp_path / "small" / "runs" / entry.run.name, data)

    return made


def record(job):
    return json.loads(RunFolder(job.folder).record.read_text())


def told(job, event):
    return [
        line
        for line in map(json.loads, RunFolder(job.folder).events.read_text().splitlines())
        if line["event"] == event
    ]


def test_a_run_leaves_its_record_weights_measures_and_pictures(job):
    one = replace(job(), max_concurrent=3)
    assert execute(one) == ExitCode.DONE
    folder, kept = RunFolder(one.folder), record(one)
    assert (kept["status"], kept["epochs"], kept["steps"]) == ("done", 2, 2 * 14)
    assert kept["run"] == one.entry.run.as_json() == json.loads(folder.spec.read_text())
    assert kept["weights"]["bytes"] == folder.weights.stat().st_size
    assert kept["made_by"]["torch"] == torch.__version__
    assert kept["made_by"]["sharing"] == 3
    assert kept["shape"] == [1, 8, 8]
    assert kept["peak_memory"] > kept["weights"]["bytes"]
    assert set(kept["data"]) == {"train_x", "train_y", "test_x", "test_y"}
    assert {p.name for p in folder.pictures.glob("*.png")} == {
        "reconstructions.png",
        "samples.png",
        "codes.png",
        "losses.png",
    }
    measures = json.loads(folder.metric(one.entry.metrics[0]).read_text())
    assert measures["estimates"]["sse"]["n"] == 360
    assert measures["estimates"]["sse"]["se"] > 0


def test_doing_it_again_trains_and_measures_nothing(job, monkeypatch):
    one = job()
    execute(one)
    before = {path: path.stat().st_mtime_ns for path in one.folder.rglob("*.*") if path.name != "events.jsonl"}
    assert execute(one) == ExitCode.DONE
    assert len(told(one, "started")) == 1
    made = [line["metric"] for line in told(one, "measuring")]
    assert made == ["pictures", "reconstruction", "references of reconstruction"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_metric_added_later_measures_the_old_weights_without_training(job):
    one = job()
    execute(one)
    more = job(metrics=(*one.entry.metrics, PluginSpec("active_units", {"threshold": 0.01})))
    assert execute(more) == ExitCode.DONE
    later = [line["metric"] for line in told(one, "measuring")][3:]
    assert later == ["active_units", "references of active_units"]
    assert len(told(one, "started")) == 1


@pytest.mark.parametrize("name", ["weights.safetensors", "record.json"])
def test_a_damaged_file_is_set_aside_and_made_again_the_same(job, name):
    one = job()
    execute(one)
    path, whole = one.folder / name, (one.folder / "weights.safetensors").read_bytes()
    damaged = bytearray(path.read_bytes())
    damaged[-40] ^= 255
    path.write_bytes(bytes(damaged))
    RunFolder(one.folder).metric(one.entry.metrics[0]).unlink()
    assert execute(one) == ExitCode.DONE
    assert list(one.folder.glob("*.corrupt"))
    assert (one.folder / "weights.safetensors").read_bytes() == whole


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("raises", "failed", "ZeroDivisionError: on purpose"),
        ("vector", "failed", "the objective's 'total' has shape (100,); it has to be a scalar"),
        ("memory", "failed", "OutOfMemoryError: out of memory"),
        ("nan", "diverged", "total not finite in epoch 1"),
    ],
)
def test_what_goes_wrong_in_an_objective_ends_in_a_word_with_a_reason(job, install, fault, status, reason, capsys):
    install("odd", PLUGIN)
    one = job({"use": "odd", "fault": fault})
    assert execute(one) == (ExitCode.DONE if status == "diverged" else ExitCode.FAILED)
    assert (record(one)["status"], record(one)["reason"]) == (status, reason)
    if fault == "raises":
        assert "Traceback" in capsys.readouterr().err, "a bug gets its traceback, in the run's log"


def test_a_failed_run_is_tried_again_and_a_diverged_one_is_not(job, install):
    install("odd", PLUGIN)
    for fault, state in (("raises", "failed"), ("nan", "diverged")):
        one = job({"use": "odd", "fault": fault})
        execute(one)
        assert ResultsFolder(one.folder.parents[1]).get_state(one.entry) == state


METRICS = """
from collections.abc import Mapping
from vimae_bench.plugin import Estimate, Measure, Metric, hookimpl

class Bad(Metric):
    '''Fails in the way it is told.'''
    def __init__(self, how: str): self.how = how
    def measures(self): return (Measure("bad", "none", "lower"),)
    def __call__(self, evaluation):
        if self.how == "raises": raise RuntimeError("no luck")
        if self.how == "nan": return {"bad": Estimate(float("nan"), 1)}
        return {"good": Estimate(1.0, 1)}

@hookimpl
def vimae_metrics(): return {"bad": Bad}
"""


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", "no luck"),
        ("nan", "'bad' is nan; a measure that is not defined has to be left out"),
        ("unknown", "gave 'good', which"),
    ],
)
def test_a_metric_that_fails_costs_no_other_and_is_tried_again(job, install, how, reason):
    install("bad", METRICS)
    one = job(metrics=(PluginSpec("bad", {"how": how}), PluginSpec("reconstruction")))
    assert execute(one) == ExitCode.FAILED
    assert record(one)["status"] == "done"
    assert RunFolder(one.folder).metric(one.entry.metrics[1]).exists()
    (failure,) = told(one, "metric failed")
    assert reason in failure["reason"]
    assert ResultsFolder(one.folder.parents[1]).get_state(one.entry) == "measure"


def test_pictures_that_fail_cost_no_trained_weights(job):
    one = job()
    one.folder.mkdir(parents=True)
    (one.folder / ".pictures.unfinished").touch()  # where a folder is made for them
    assert execute(one) == ExitCode.FAILED
    assert record(one)["status"] == "done"
    assert RunFolder(one.folder).metric(one.entry.metrics[0]).exists()
    assert "pictures: FileExistsError" in told(one, "metric failed")[0]["reason"]


def test_a_finished_run_that_cannot_be_opened_again_keeps_its_record(job, install, monkeypatch):
    install("odd", PLUGIN)
    one = job('{ use = "odd", fault = "none" }')
    assert execute(one) == ExitCode.DONE
    RunFolder(one.folder).metric(one.entry.metrics[0]).unlink()
    before = record(one)
    monkeypatch.setenv("ODD_FAILS", "1")
    assert execute(one) == ExitCode.FAILED
    assert record(one) == before
    assert told(one, "ended")[-1]["reason"] == "RuntimeError: out of memory"


def test_run_claimed_by_another_process_is_left_to_it(job):
    one = job()
    one.folder.mkdir(parents=True)
    with FileLock(RunFolder(one.folder).lock):
        assert execute(one) == ExitCode.INTERRUPTED
    assert not RunFolder(one.folder).record.exists()


def test_brief_look_at_the_lock_does_not_interrupt_a_run(job):
    one = job()
    one.folder.mkdir(parents=True)
    look = FileLock(RunFolder(one.folder).lock, thread_local=False)
    look.acquire()
    threading.Timer(0.1, look.release).start()
    assert execute(one) == ExitCode.DONE


def test_the_same_run_in_two_rows_is_carried_out_once(job, data, tmp_path):
    from vimae_bench.engine.runner import list_jobs

    one = job()
    twin = MatrixEntry("twin", one.entry.run, one.entry.metrics)
    assert len(list_jobs(ResultsFolder(tmp_path / "small"), "small", [one.entry, twin], data)) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-9, "the worker was killed by signal 9 (was the machine out of memory?); see"),
        (-11, "the worker was killed by signal 11; see"),
        (0, "the worker ended with the exit code 0 and without a record; see"),
        (3, "the worker ended with the exit code 3 and without a record; see"),
    ],
)
def test_a_worker_that_dies_leaves_a_record_that_says_how(job, code, reason):
    one = job()

    def dying(jobs, work):
        yield JobStarted(jobs[0])
        yield JobEnded(jobs[0], code)

    assert run_jobs([one], dying, []) == [one]
    assert record(one)["reason"].startswith(reason)
    assert execute(one) == ExitCode.DONE, "and the run is taken up again"


def test_a_run_that_another_process_finishes_is_waited_for_and_not_done_again(job):
    one, kinds = job(), []
    other = FileLock(RunFolder(one.folder).lock)

    def watching(jobs, events):
        for event in events:
            kinds.append((type(event), getattr(event, "exit_code", None)))
            if isinstance(event, Tick) and other.is_locked:
                other.release()
                assert execute(one) == ExitCode.DONE
            yield event

    one.folder.mkdir(parents=True)
    other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    assert kinds == [(JobStarted, None), (JobRequeued, None), (Tick, None), (JobEnded, ExitCode.DONE)]


@pytest.mark.parametrize("waits", [False, True])
def test_a_run_that_was_done_by_a_process_killed_before_it_could_say_so_is_done(job, waits):
    one = job()
    assert execute(one) == ExitCode.DONE
    whole = RunFolder(one.folder).events.read_bytes().splitlines(keepends=True)
    RunFolder(one.folder).events.write_bytes(b"".join(whole[:-1]))
    other = FileLock(RunFolder(one.folder).lock)

    def watching(jobs, events):
        for event in events:
            if isinstance(event, Tick):
                other.release()
            yield event

    if waits:
        other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    assert len(list(read_events(RunFolder(one.folder).events))) == len(whole)
    assert RunFolder(one.folder).has_ended


def test_a_run_whose_process_dies_is_taken_over(job):
    one, kinds = job(), []
    other = FileLock(RunFolder(one.folder).lock)

    def watching(jobs, events):
        for event in events:
            kinds.append(type(event))
            if isinstance(event, Tick):
                other.release(force=True)
            yield event

    one.folder.mkdir(parents=True)
    other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    assert kinds == [JobStarted, JobRequeued, Tick, JobStarted, JobEnded]
    assert record(one)["status"] == "done"


def test_a_share_leaves_what_others_are_at(job):
    one, notes = job(), []

    def watching(jobs, events):
        for event in events:
            notes.extend([event.text] if isinstance(event, Note) else [])
            yield event

    one.folder.mkdir(parents=True)
    with FileLock(RunFolder(one.folder).lock):
        assert run_jobs([one], Inline(), [watching], wait=False) == []
    assert notes[-1] == "1 run is under way in another process"


def test_a_worker_that_is_asked_to_end_again_and_again_is_given_up(job):
    one, starts = job(), []

    def hopeless(jobs, work):
        starts.append(jobs)
        yield JobEnded(jobs[0], ExitCode.INTERRUPTED)

    assert run_jobs([one], hopeless, []) == [one]
    assert len(starts) == 4
    assert record(one)["reason"].startswith("the worker ended with the exit code 75 and without a record")


def test_a_full_disk_ends_the_benchmark_with_a_message(job):
    one, ended = job(), []

    def full(jobs, work):
        try:
            yield JobEnded(jobs[0], ExitCode.NO_SPACE)
            pytest.fail("it went on")
        finally:
            ended.append("runs")

    with pytest.raises(ResultsError, match="no space left; make room and run the same command again"):
        run_jobs([one], full, [])
    assert ended == ["runs"]
    assert not RunFolder(one.folder).record.exists(), "there is no room for it"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runs_under_way_end_before_a_signal_is_raised(job, number):
    one, ended, notes = job(), [], []

    def executor(jobs, work):
        try:
            while True:
                yield Tick()
        finally:
            ended.append("runs")

    def watching(jobs, events):
        for event in events:
            notes.extend([event.text] if isinstance(event, Note) else [])
            signals.handle_in_worker(number)
            yield event

    with pytest.raises(Interrupted) as told_of:
        run_jobs([one], executor, [watching])
    assert told_of.value.number == number
    assert ended == ["runs"]
    assert notes[-1].startswith("stopping: the runs under way write their checkpoints")


def test_shares_begin_with_their_own_and_help_the_others_from_the_end():
    todo = list("abcdefg")
    assert share_jobs(todo, 2, 3) == ["b", "e", "g", "f", "d", "c", "a"]
    assert sorted(share_jobs(todo, 3, 3)) == todo


def test_a_result_does_not_depend_on_what_ran_before_in_the_process(job):
    one = job({"use": "elbo", "beta": 1.0})
    execute(one)
    weights = (one.folder / "weights.safetensors").read_bytes()
    torch.rand(1000)
    other = replace(one, folder=one.folder.with_name("again"))
    execute(other)
    assert (other.folder / "weights.safetensors").read_bytes() == weights


def test_the_global_generator_is_left_as_it_was(job):
    before = torch.get_rng_state()
    execute(job())
    assert torch.equal(torch.get_rng_state(), before)


def test_an_interrupt_in_a_reporter_ends_the_runs_under_way_first(job):
    one, ended = job(), []

    def executor(jobs, work):
        try:
            yield JobStarted(jobs[0])
            yield Tick()
        finally:
            ended.append("runs")

    def interrupted(jobs, events):
        for _ in events:
            raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        run_jobs([one], executor, [interrupted])
    assert ended == ["runs"]
