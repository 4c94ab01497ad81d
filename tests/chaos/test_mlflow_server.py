"""A real MLflow server that is killed while a benchmark is running."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient

from helpers.chaos_harness import Scenario, benchmark_text

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]


@contextmanager
def server(folder: Path, port: int):
    """MLflow's server with a store in a folder; it and its children are killed at the end."""
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder}/server.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    words = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *store]
    with (folder / "server.log").open("a") as log:
        going = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(port)
        yield going
    finally:
        os.killpg(going.pid, signal.SIGKILL)
        going.wait()


def wait_for(port: int) -> None:
    for _ in range(1500):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the server does not answer")


def test_mlflow_server_killed_during_a_benchmark_is_brought_up_to_date(tmp_path, monkeypatch, count):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    scenario, uri = (
        Scenario(tmp_path / "scenario", benchmark_text(seeds=2, epochs=400), tmp_path / "data"),
        f"http://127.0.0.1:{port}",
    )
    more = ["--executor", "local", "--mlflow-uri", uri, "-o", "reporters=['console', 'mlflow']"]
    with server(tmp_path, port) as going:
        words = [sys.executable, "-m", "vimae_bench", *scenario.words(*more)]
        run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        client = MlflowClient(uri)
        while run.poll() is None and not client.search_experiments(filter_string="name = 'storm'"):
            time.sleep(0.2)
        assert run.poll() is None, "the benchmark was over before the server was killed"
        os.killpg(going.pid, signal.SIGKILL)
    said, _ = run.communicate(timeout=300)
    assert (run.returncode, "Traceback" in said) == (0, False), said
    assert "not yet mirrored" in said
    assert len(scenario.finished()) == 4
    with server(tmp_path, port):
        sync = [
            sys.executable,
            "-m",
            "vimae_bench",
            "sync",
            str(scenario.file),
            "--results",
            str(scenario.path / "results"),
        ]
        done = subprocess.run([*sync, "--mlflow-uri", uri], capture_output=True, text=True, check=False, timeout=300)
        assert done.stdout == "4 runs mirrored\n", done.stdout + done.stderr
        check(MlflowClient(uri))
    count["servers of MLflow killed in the midst of a benchmark"] += 1


def check(client: MlflowClient) -> None:
    """Every run is there once, finished, with each of its points once."""
    (experiment,) = client.search_experiments(filter_string="name = 'storm'")
    found = client.search_runs([experiment.experiment_id])
    runs = [run for run in found if "vb.kind" not in run.data.tags]
    methods = [run.data.tags["vb.group"] for run in found if run.data.tags.get("vb.kind") == "method"]
    assert len(methods) == len({*methods})
    assert len(runs) == len({run.data.tags["vb.run_key"] for run in runs}) == 4
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        curve = client.get_metric_history(run.info.run_id, "train/total")
        assert sorted(point.step for point in curve) == list(range(1, 401))
