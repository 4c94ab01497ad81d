"""What a user's Ctrl-C, or a scheduler's SIGTERM, does to a whole `run`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.benchmarks import VAE, make_benchmark

pytestmark = pytest.mark.medium

VIMAE = {"label": "VIMAE", "objective": {"use": "vimae", "divergence": "mmd"}, "prior": "logistic"}
TEXT = make_benchmark(
    name="storm",
    seeds=[0, 1],
    architecture={"use": "mlp", "hidden": [32]},
    metrics=["reconstruction", "rate"],
    executor=None,
    reporters=["console"],
    training={"epochs": 80},
    method=[VAE, VIMAE],
)


def command(file: Path, results: Path, data: Path) -> list[str]:
    words = ["-m", "vimae_bench", "run", str(file), "--results", str(results), "--data", str(data), "--no-mlflow"]
    return [sys.executable, *words]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def events(folder: Path) -> list[dict]:
    """Whole lines only: a line that was cut off is no line."""
    lines = (folder / "events.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line.endswith(b"}")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers through /proc")
def test_an_interrupt_while_workers_start_is_reported_in_one_line(tmp_path):
    (tmp_path / "storm.toml").write_text(TEXT)
    words = command(tmp_path / "storm.toml", tmp_path / "results", tmp_path / "data")
    going = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while going.poll() is None and not children(going.pid):
        time.sleep(0.01)
    time.sleep(0.5)  # the server that forks workers is loading its libraries
    os.killpg(going.pid, signal.SIGINT)
    _, errors = going.communicate(timeout=60)
    assert going.returncode == 130, errors
    assert "interrupted; the same command continues where this one stopped" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers through /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_after_the_first_signal_the_runs_in_progress_write_their_checkpoints(tmp_path, number, code):
    (tmp_path / "storm.toml").write_text(TEXT.replace("epochs = 80", "epochs = 100000"))
    words = command(tmp_path / "storm.toml", tmp_path / "results", tmp_path / "data")
    going = subprocess.Popen([*words, "-k", "VAE s0"], stderr=subprocess.PIPE, text=True)
    while going.poll() is None and '"epoch"' not in "".join(p.read_text() for p in tmp_path.rglob("events.jsonl")):
        time.sleep(0.05)
    going.send_signal(number)
    _, errors = going.communicate(timeout=60)
    assert going.returncode == code, errors
    assert "stopping: the runs in progress write their checkpoints; a second signal ends them at once" in errors
    assert "interrupted; the same command continues where this one stopped" in errors
    assert "Traceback" not in errors
    (folder,) = (tmp_path / "results" / "storm" / "runs").iterdir()
    *_, last = events(folder)
    assert last["event"] == "interrupted"
    newest = max(path.name for path in (folder / "checkpoints").iterdir())
    assert newest.startswith(f"epoch-{last['epoch'] - 1:05d}.{last['steps']:07d}-")
