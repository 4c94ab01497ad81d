"""Runs on a cluster of two nodes, which Ray starts on this machine; runs that are lost are started again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import TESTS_FOLDER
from helpers.benchmarks import VAE, make_benchmark
from helpers.worker_behaviours import behave, make_job, wait_once, wait_to_be_killed
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.engine.runner import list_jobs, run_jobs
from vimae_bench.engine.training import checkpoint
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import ExitCode, JobEnded, JobStarted, Note, NumericsOptions, Tick, Training
from vimae_bench.plugin import BenchError
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder
from vimae_builtin.executors.inline import Inline
from vimae_builtin.executors.on_ray import OnRay, cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TEXT = make_benchmark(
    seeds=[0, 1],
    metrics=["reconstruction", "rate"],
    executor=None,
    training={"epochs": 40},
    method=[VAE],
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A cluster whose head carries out nothing, with two nodes of one CPU each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", TESTS_FOLDER)  # for what the tests give the workers to do
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        for _ in range(2):
            started.add_node(num_cpus=1)
        started.wait_for_nodes()
        yield started
        started.shutdown()


@pytest.fixture(params=[True, False], ids=["the results folder is seen", "it is not"])
def seen(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(cluster, "is_visible_on_all_nodes", lambda _: False)
    return request.param


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    ensure_prepared(make_plugin("dataset", matrix(folder)[0].run.dataset), folder)
    return folder


def matrix(folder, text=TEXT):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.toml").write_text(text)
    return list_entries(read_benchmark(folder / "small.toml"))


def todo(folder, data, text=TEXT):
    return list_jobs(ResultsFolder(folder / "small"), "small", matrix(folder, text), data)


def weights(some):
    return [json.loads(RunFolder(one.folder).record.read_text())["weights"]["sha256"] for one in some]


def files(some):
    left = {".lock", "log.txt"}
    return [sorted(str(p.relative_to(one.folder)) for p in one.folder.rglob("*") if p.name not in left) for one in some]


def toy(folder, *fates):
    (folder / "toy").mkdir()
    return [make_job(folder / "toy" / "runs", fate, seed) for seed, fate in enumerate(fates)]


def test_dying_process_affects_no_other_run(nodes, tmp_path, seen):
    ray = OnRay(address=nodes.address, timeout=8)
    events = [e for e in ray(toy(tmp_path, 0, 1, 2, 3, 4, 5, 6), behave) if not isinstance(e, Tick)]
    ends = {e.job.entry.label: (e.exit_code, e.reason) for e in events if isinstance(e, JobEnded)}
    assert {label: code for label, (code, _) in ends.items()} == {
        "ends well": 0,
        "raises": -9,
        "is killed": -9,
        "crashes": -9,
        "exits": -9,
        "hangs": -9,
        "ends well too": 0,
    }
    assert ends["hangs"][1] == "stopped after 8 s, its time"
    assert "on purpose" in ends["raises"][1]
    assert len([e for e in events if isinstance(e, JobStarted)]) == 7


def test_results_equal_those_of_this_process(nodes, tmp_path, data, seen):
    here, there = todo(tmp_path / "here", data), todo(tmp_path / "there", data)
    assert run_jobs(here, Inline(), []) == run_jobs(there, OnRay(address=nodes.address), []) == []
    assert weights(there) == weights(here)
    assert files(there) == files(here)
    assert len(list((tmp_path / "there" / "small" / "references").glob("*.json"))) == 2


def test_files_of_batched_seeds_are_brought_back(nodes, tmp_path, data, monkeypatch):
    monkeypatch.setattr(cluster, "is_visible_on_all_nodes", lambda _: False)
    two = [replace(one, numerics=NumericsOptions(batch_seeds=True)) for one in todo(tmp_path, data)]
    assert run_jobs(two, OnRay(address=nodes.address), []) == []
    assert len(set(weights(two))) == 2
    steps = {json.loads(RunFolder(one.folder).record.read_text())["made_by"]["step"] for one in two}
    assert steps == {"2 seeds batched"}


def test_run_that_loses_its_node_is_restarted_on_another(nodes, tmp_path):
    third = nodes.add_node(num_cpus=1, resources={"third": 1})
    (one,) = toy(tmp_path, 0)
    events = []
    for event in OnRay(address=nodes.address)([one], wait_once):
        events += [] if isinstance(event, Tick) else [event]
        pid = one.folder / "pid"
        if third and pid.exists() and pid.read_text():
            lost = node_of(int(pid.read_text()), nodes)
            nodes.remove_node(lost, allow_graceful=False)
            if lost is not third:
                nodes.add_node(num_cpus=1)
            third = None
    assert [type(event) for event in events] == [Note, JobStarted, Note, JobStarted, JobEnded]
    assert events[2].text == "ends well s0 has lost its node, and is restarted from its newest checkpoint"
    assert events[-1].exit_code == 0


def node_of(worker, nodes):
    """The node whose raylet is the parent of a worker."""
    status = Path(f"/proc/{worker}/status").read_text()
    parent = int(next(line for line in status.splitlines() if line.startswith("PPid")).split()[1])
    (found,) = (
        node
        for node in nodes.worker_nodes
        if any(info.process.pid == parent for infos in node.all_processes.values() for info in infos)
    )
    return found


def test_checkpoints_are_brought_back_after_a_signal(nodes, tmp_path, data, monkeypatch, seen):
    long = TEXT.replace("epochs = 40", "epochs = 100000")
    some = todo(tmp_path, data, long)
    events = OnRay(address=nodes.address)(some[:1], execute_job)
    for event in events:
        if isinstance(event, Tick) and len(RunFolder(some[0].folder).read_history()) > 2:
            break
    events.close()
    folder = RunFolder(some[0].folder)
    *_, last = (json.loads(line) for line in folder.events.read_text().splitlines())
    assert last["event"] == "interrupted"
    newest = max(path.name for path in folder.checkpoints.iterdir())
    assert newest.startswith(f"epoch-{last['epoch'] - 1:05d}.{last['steps']:07d}-")
    assert checkpoint.load_latest_checkpoint(folder.checkpoints, "cpu")[0] == last["epoch"] - 1


@pytest.mark.parametrize("place", ["local", "cluster"])
def test_killed_driver_loses_nothing(nodes, tmp_path, data, place):
    calm = todo(tmp_path / "calm", data)
    run_jobs(calm, Inline(), [])
    file = tmp_path / "small.toml"
    file.write_text(TEXT)
    places = ["--results", tmp_path / "results", "--data", data, "--no-mlflow"]
    words = [sys.executable, "-m", "vimae_bench", "run", file, "--executor", "ray", *places]
    environment = os.environ | ({"RAY_ADDRESS": nodes.address} if place == "cluster" else {})
    driver = subprocess.Popen([*map(str, words)], env=environment, stderr=subprocess.DEVNULL)
    while driver.poll() is None and '"epoch"' not in "".join(
        p.read_text() for p in tmp_path.glob("results/**/events.jsonl")
    ):
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    done = subprocess.run([*map(str, words)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = [replace(one, folder=tmp_path / "results" / "small" / "runs" / one.folder.name) for one in calm]
    assert weights(again) == weights(calm)


def test_run_too_large_for_any_node_is_an_error(nodes, tmp_path):
    (one,) = toy(tmp_path, 0)
    wide = replace(one, entry=replace(one.entry, run=replace(one.entry.run, training=Training(threads=64))))
    with pytest.raises(BenchError, match=r"a run needs 64 CPUs of one node, and there is only: .*1 CPUs, 0 GPUs"):
        next(OnRay(address=nodes.address)([wide], behave))
    with pytest.raises(BenchError, match=r"a run needs 1 CPUs and 0\.5 of a GPU of one node, and"):
        next(OnRay(address=nodes.address, device="cuda", runs_per_gpu=2)([one], behave))


@pytest.mark.parametrize("reason", ["The current node timed out during startup.\nThis could happen", ""])
def test_ray_that_cannot_start_is_reported_in_one_line(tmp_path, monkeypatch, reason):
    import ray

    def fails(**_):
        raise Exception(reason)

    monkeypatch.setattr(ray, "init", fails)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    said = reason.partition("\n")[0] or "Exception"
    with pytest.raises(BenchError, match=rf"^a Ray of its own cannot be reached: {said}$"):
        next(OnRay()(toy(tmp_path, 0), behave))


def test_nodes_with_other_plugins_are_an_error_before_anything_runs(nodes, tmp_path, monkeypatch):
    here = os.getpid()
    monkeypatch.setattr(cluster, "list_versions", lambda: {"mine": "1" if os.getpid() == here else "2"})
    with pytest.raises(BenchError, match=r"mine is 2, here it is 1\n.*\ninstall the same versions on all nodes"):
        next(OnRay(address=nodes.address)(toy(tmp_path, 0), behave))


def test_run_claimed_by_another_process_is_not_sent_to_the_cluster(nodes, tmp_path, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(cluster, "is_visible_on_all_nodes", lambda _: False)
    (one,) = toy(tmp_path, 0)
    one.folder.mkdir(parents=True)
    with FileLock(RunFolder(one.folder).lock):
        events = OnRay(address=nodes.address)([one], wait_to_be_killed)
        assert [e.exit_code for e in events if isinstance(e, JobEnded)] == [ExitCode.INTERRUPTED]
