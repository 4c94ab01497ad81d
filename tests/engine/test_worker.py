"""One job executed in this process, and all that can be wrong with what it finds."""

import json
import re
import threading
from dataclasses import replace

import pytest
import torch
from filelock import FileLock

from vimae_bench.core.errors import ResultsError
from vimae_bench.engine.runner import run_jobs
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import (
    ExitCode,
    PluginSpec,
)
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder
from vimae_builtin.executors.inline import Inline

pytestmark = pytest.mark.medium

PLUGIN = """
import os
import re
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
        if self.fault == "moved" and os.path.exists(os.environ["MOVED"]):
            os.rename(os.environ["MOVED"], os.environ["MOVED"] + "-elsewhere")
        if self.fault == "memory": raise torch.OutOfMemoryError("out of memory")
        return Loss(sse.mean(), {})

@hookimpl
def vimae_objectives(): return {"odd": Odd}
"""


def record(job):
    return json.loads(RunFolder(job.folder).record.read_text())


def list_events(job, event):
    return [
        line
        for line in map(json.loads, RunFolder(job.folder).events.read_text().splitlines())
        if line["event"] == event
    ]


def test_run_writes_record_weights_measures_and_pictures(job):
    one = replace(job(), max_concurrent=3)
    assert execute_job(one) == ExitCode.DONE
    folder, kept = RunFolder(one.folder), record(one)
    assert (kept["status"], kept["epochs"], kept["steps"]) == ("done", 2, 2 * 14)
    assert kept["run"] == one.entry.run.as_json() == json.loads(folder.spec.read_text())
    assert kept["weights"]["bytes"] == folder.weights.stat().st_size
    assert kept["made_by"]["torch"] == torch.__version__
    assert kept["made_by"]["sharing"] == 3
    assert kept["shape"] == [1, 8, 8]
    assert kept["peak_memory"] > kept["weights"]["bytes"]
    assert set(kept["data"]) == {"train_x", "train_y", "test_x", "test_y"}
    assert {p.name for p in folder.pictures.iterdir()} >= {"samples.png", "codes.npz", "codes.png", "left-out.json"}
    measures = json.loads(folder.metric_path(one.entry.metrics[0]).read_text())
    assert measures["estimates"]["sse"]["n"] == 360
    assert measures["estimates"]["sse"]["se"] > 0


def test_second_execution_trains_and_measures_nothing(job, monkeypatch):
    one = job()
    execute_job(one)
    before = {path: path.stat().st_mtime_ns for path in one.folder.rglob("*.*") if path.name != "events.jsonl"}
    assert execute_job(one) == ExitCode.DONE
    assert len(list_events(one, "started")) == 1
    made = [line["metric"] for line in list_events(one, "measuring")]
    assert made == ["pictures", "reconstruction", "references of reconstruction"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_metric_added_later_measures_the_old_weights_without_training(job):
    one = job()
    execute_job(one)
    more = job(metrics=(*one.entry.metrics, PluginSpec("active_units", {"threshold": 0.01})))
    assert execute_job(more) == ExitCode.DONE
    later = [line["metric"] for line in list_events(one, "measuring")][3:]
    assert later == ["active_units", "references of active_units"]
    assert len(list_events(one, "started")) == 1


def test_a_run_without_weights_is_not_trained_again_to_be_measured(job):
    one = job()
    execute_job(one)
    RunFolder(one.folder).weights.unlink()
    more = job(metrics=(*one.entry.metrics, PluginSpec("active_units", {"threshold": 0.01})))
    assert execute_job(more) == ExitCode.FAILED
    assert record(one)["status"] == "done"
    assert "`vimae-bench run --retrain`" in list_events(one, "ended")[-1]["reason"]
    assert len(list_events(one, "started")) == 1


@pytest.mark.parametrize("name", ["weights.safetensors", "record.json"])
def test_damaged_file_is_set_aside_and_made_again(job, name):
    one = job()
    execute_job(one)
    path, whole = one.folder / name, (one.folder / "weights.safetensors").read_bytes()
    damaged = bytearray(path.read_bytes())
    damaged[-40] ^= 255
    path.write_bytes(bytes(damaged))
    RunFolder(one.folder).metric_path(one.entry.metrics[0]).unlink()
    assert execute_job(one) == ExitCode.DONE
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
def test_failing_objective_is_recorded_with_a_reason(job, install, fault, status, reason, capsys):
    install("odd", PLUGIN)
    one = job({"use": "odd", "fault": fault})
    assert execute_job(one) == (ExitCode.DONE if status == "diverged" else ExitCode.FAILED)
    said = re.sub(r" \(\S+odd\.py, line \d+\)$", "", record(one)["reason"])
    assert (record(one)["status"], said) == (status, reason)
    if fault == "raises":
        assert "Traceback" in capsys.readouterr().err, "a bug gets its traceback, in the run's log"


def test_failed_run_is_tried_again_and_diverged_one_is_not(job, install):
    install("odd", PLUGIN)
    for fault, state in (("raises", "failed"), ("nan", "diverged")):
        one = job({"use": "odd", "fault": fault})
        execute_job(one)
        assert ResultsFolder(one.folder.parents[1]).get_state(one.entry) == state


METRICS = """
from collections.abc import Mapping
from vimae_bench.plugin import Estimate, Measure, Metric, hookimpl

class Bad(Metric):
    '''Fails in the given way.'''
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
    assert execute_job(one) == ExitCode.FAILED
    assert record(one)["status"] == "done"
    assert RunFolder(one.folder).metric_path(one.entry.metrics[1]).exists()
    (failure,) = list_events(one, "metric failed")
    assert reason in failure["reason"]
    assert ResultsFolder(one.folder.parents[1]).get_state(one.entry) == "measure"


def test_pictures_that_fail_cost_no_trained_weights(job):
    one = job()
    one.folder.mkdir(parents=True)
    (one.folder / ".pictures.unfinished").touch()  # where a folder is made for them
    assert execute_job(one) == ExitCode.FAILED
    assert record(one)["status"] == "done"
    assert RunFolder(one.folder).metric_path(one.entry.metrics[0]).exists()
    assert "pictures: FileExistsError" in list_events(one, "metric failed")[0]["reason"]


def test_a_finished_run_that_cannot_be_opened_again_keeps_its_record(job, install, monkeypatch):
    install("odd", PLUGIN)
    one = job({"use": "odd", "fault": "none"})
    assert execute_job(one) == ExitCode.DONE
    RunFolder(one.folder).metric_path(one.entry.metrics[0]).unlink()
    before = record(one)
    monkeypatch.setenv("ODD_FAILS", "1")
    assert execute_job(one) == ExitCode.FAILED
    assert record(one) == before
    assert list_events(one, "ended")[-1]["reason"].startswith("RuntimeError: out of memory (")


def test_run_claimed_by_another_process_is_left_to_it(job):
    one = job()
    one.folder.mkdir(parents=True)
    with FileLock(RunFolder(one.folder).lock):
        assert execute_job(one) == ExitCode.INTERRUPTED
    assert not RunFolder(one.folder).record.exists()


def test_brief_look_at_the_lock_does_not_interrupt_a_run(job):
    one = job()
    one.folder.mkdir(parents=True)
    look = FileLock(RunFolder(one.folder).lock, thread_local=False)
    look.acquire()
    threading.Timer(0.1, look.release).start()
    assert execute_job(one) == ExitCode.DONE


def test_a_result_does_not_depend_on_what_ran_before_in_the_process(job):
    one = job({"use": "elbo", "beta": 1.0})
    execute_job(one)
    weights = (one.folder / "weights.safetensors").read_bytes()
    torch.rand(1000)
    other = replace(one, folder=one.folder.with_name("again"))
    execute_job(other)
    assert (other.folder / "weights.safetensors").read_bytes() == weights


def test_the_global_generator_is_left_as_it_was(job):
    before = torch.get_rng_state()
    execute_job(job())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("folder", ["small", "small/runs", "small/runs/*"])
def test_a_run_whose_folder_is_moved_ends_and_goes_on_where_that_is_now(job, install, monkeypatch, tmp_path, folder):
    install("odd", PLUGIN)
    one = job({"use": "odd", "fault": "moved"})
    one.folder.mkdir(parents=True)
    (moved,) = tmp_path.glob(folder)
    monkeypatch.setenv("MOVED", str(moved))
    with pytest.raises(ResultsError, match="was moved or removed, and nothing more is written there"):
        run_jobs([one], Inline(), [])
    assert not moved.exists()
    moved.with_name(f"{moved.name}-elsewhere").rename(moved)
    monkeypatch.setenv("MOVED", "")
    assert execute_job(one) == ExitCode.DONE
