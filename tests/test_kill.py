"""kill -9, at random moments, of the scheduler and of its workers: nothing is lost, nothing is done twice.

`pytest tests/test_kill.py --kills 20 --benchmark benchmarks/quickstart.toml` is the long form.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vimae_bench.plan.benchmark import read
from vimae_bench.plan.matrix import cells

TEXT = """
name = "storm"
seeds = [0, 1]
dataset = "digits"
architecture = { use = "mlp", hidden = [32] }
latent = 2
metrics = ["reconstruction", "rate"]
reporters = ["console"]
training = { epochs = 80 }
[[method]]
label = "VAE"
objective = "elbo"
prior = "normal"
[[method]]
label = "VIMAE"
objective = { use = "vimae", divergence = "mmd" }
prior = "logistic"
"""


def command(file: Path, results: Path, data: Path) -> list[str]:
    words = ["-m", "vimae_bench", "run", str(file), "--results", str(results), "--data", str(data), "--no-mlflow"]
    return [sys.executable, *words]


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def workers(scheduler: int) -> list[int]:
    """The server that forks workers is a child of the scheduler, and so is a tracker that has none."""
    return [worker for child in children(scheduler) for worker in children(child)]


def records(results: Path) -> dict[str, dict]:
    return {path.parent.name: json.loads(path.read_text()) for path in results.glob("*/runs/*/record.json")}


def events(folder: Path) -> list[dict]:
    """Whole lines only: a line that was cut off is no line."""
    lines = (folder / "events.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line.endswith(b"}")]


def span(results: Path) -> float:
    """Seconds from the first event of any run to the last."""
    times = [event["time"] for folder in results.glob("*/runs/*") for event in events(folder)]
    return max(times) - min(times)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers through /proc")
def test_an_interrupt_while_workers_are_made_ready_is_told_in_one_line(tmp_path):
    (tmp_path / "storm.toml").write_text(TEXT)
    words = command(tmp_path / "storm.toml", tmp_path / "results", tmp_path / "data")
    going = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while going.poll() is None and not children(going.pid):
        time.sleep(0.01)
    time.sleep(0.5)  # the server that forks workers is loading its libraries
    os.killpg(going.pid, signal.SIGINT)
    _, told = going.communicate(timeout=60)
    assert going.returncode == 130, told
    assert "interrupted; the same command takes up again where this one left" in told
    assert "Traceback" not in told


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers through /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_after_the_first_signal_the_runs_under_way_write_their_checkpoints(tmp_path, number, code):
    (tmp_path / "storm.toml").write_text(TEXT.replace("epochs = 80", "epochs = 100000"))
    words = command(tmp_path / "storm.toml", tmp_path / "results", tmp_path / "data")
    going = subprocess.Popen([*words, "-k", "VAE s0"], stderr=subprocess.PIPE, text=True)
    while going.poll() is None and '"epoch"' not in "".join(p.read_text() for p in tmp_path.rglob("events.jsonl")):
        time.sleep(0.05)
    going.send_signal(number)
    _, told = going.communicate(timeout=60)
    assert going.returncode == code, told
    assert "stopping: the runs under way write their checkpoints; a second signal ends them at once" in told
    assert "interrupted; the same command takes up again where this one left" in told
    assert "Traceback" not in told
    (folder,) = (tmp_path / "results" / "storm" / "runs").iterdir()
    *_, last = events(folder)
    assert last["event"] == "interrupted"
    newest = max(path.name for path in (folder / "checkpoints").iterdir())
    assert newest.startswith(f"epoch-{last['epoch'] - 1:05d}.{last['steps']:07d}-")


def victims_of(going: subprocess.Popen, target: str) -> list[int]:
    """Whom to kill, as soon as there is anyone: between two runs there is no worker."""
    while going.poll() is None:
        if found := [going.pid] if target == "scheduler" else workers(going.pid):
            return found
        time.sleep(0.02)
    return []


@pytest.fixture
def checkpoints_after_each_epoch(tmp_path, monkeypatch):
    """In every process: these trainings are over before the first checkpoint would be due."""
    (tmp_path / "sitecustomize.py").write_text("from vimae_bench.engine import checkpoint\ncheckpoint.EVERY = 0.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds workers through /proc")
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("checkpoints_after_each_epoch")
def test_kills_at_random_moments_lose_nothing_and_change_nothing(tmp_path, request):
    kills, given = request.config.getoption("--kills"), request.config.getoption("--benchmark")
    file, data = Path(given) if given else tmp_path / "storm.toml", tmp_path / "data"
    if not given:
        file.write_text(TEXT)
    subprocess.run(command(file, tmp_path / "calm", data), check=True, stdout=subprocess.DEVNULL, timeout=1200)
    whole = span(tmp_path / "calm")
    moments, hit = random.Random(0), {"scheduler": 0, "worker": 0}
    for i in range(kills):
        target = ("scheduler", "worker")[i % 2]
        going = subprocess.Popen(command(file, tmp_path / "storm", data), stdout=subprocess.DEVNULL)
        while going.poll() is None and not workers(going.pid):
            time.sleep(0.02)
        time.sleep(moments.uniform(0, whole / kills / 2))
        victims = victims_of(going, target)
        if going.poll() is None and victims:
            os.kill(moments.choice(victims), signal.SIGKILL)
            hit[target] += 1
        if target == "worker":
            going.send_signal(signal.SIGTERM)
        going.wait(timeout=60)
    assert all(hit.values()), f"nothing was under way at any of the moments: {hit}"
    subprocess.run(command(file, tmp_path / "storm", data), check=True, stdout=subprocess.DEVNULL, timeout=1200)
    calm, storm = records(tmp_path / "calm"), records(tmp_path / "storm")
    assert len(storm) == len(calm) == len(cells(read(file)))
    assert {record["status"] for record in storm.values()} == {"done"}
    assert {n: r["weights"]["sha256"] for n, r in storm.items()} == {n: r["weights"]["sha256"] for n, r in calm.items()}
    for folder in (tmp_path / "storm").glob("*/runs/*"):
        told = [event["event"] for event in events(folder)]
        assert "started" not in told[told.index("measuring") :], "it trained again after it had been trained"
        measured = {path.name: json.loads(path.read_text())["estimates"] for path in (folder / "metrics").iterdir()}
        still = tmp_path / "calm" / folder.relative_to(tmp_path / "storm") / "metrics"
        assert measured == {path.name: json.loads(path.read_text())["estimates"] for path in still.iterdir()}
