"""The overhead of a matrix of short runs over its training steps and metrics, with an unmodified `vimae-bench run`."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vimae_bench.storage.atomic import read_json, read_json_lines

FILE = Path(__file__).parent / "matrix.toml"
IMAGES, TESTED, RUNS = 3000, 1000, 20


@dataclass(frozen=True)
class Matrix:
    """Seconds of 20 simultaneous runs, of their steps and metrics, and of the same runs one after another."""

    jobs: int
    epochs: int
    wall: float
    """Wall time of the command."""
    steps: float
    metrics: float
    alone: float
    """20 times the mean time between the ends of successive runs, one after another."""
    alone_runs: int
    """The number of runs behind that mean, excluding the first, which includes the start of the command."""
    start: float
    """Part of `wall`: from the start of the command to that of its first run."""

    @property
    def cost(self) -> float:
        """slots * wall divided by the sum of steps and metrics: 1 without any overhead."""
        return self.jobs * self.wall / (self.steps + self.metrics)

    @property
    def gain(self) -> float:
        """The sum of the runs alone over the wall time of the matrix."""
        return self.alone / self.wall

    def as_json(self) -> dict[str, object]:
        """Everything, with the two ratios."""
        return {**asdict(self), "cost": self.cost, "gain": self.gain}


def measure_matrix(device: str, jobs: int, epochs: int, alone_seeds: Sequence[int]) -> Matrix:
    """Run the matrix with `jobs` jobs, then the runs of some of its seeds one after another."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _write_images(here / "data" / "images")
        began = time.time()
        _run(here, "together", device, jobs, epochs)
        wall = time.time() - began
        runs = _runs(here / "together")
        _run(here, "alone", device, 1, epochs, alone_seeds)
        ends = _times(_runs(here / "alone"), "ended")
        steps = sum(read_json(run / "record.json")["seconds"]["steps"] for run in runs)
        metrics = sum(read_json(path)["seconds"] for run in runs for path in run.glob("metrics/*.json"))
        start = _times(runs, "started")[0] - began
        alone = RUNS * (ends[-1] - ends[0]) / (len(ends) - 1)
        return Matrix(jobs, epochs, wall, steps, metrics, alone, len(ends) - 1, start)


def _write_images(folder: Path) -> None:
    """Random images in the layout of the data folder."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for part, count in (("train", IMAGES), ("test", TESTED)):
        np.save(folder / f"{part}_x.npy", generator.integers(256, size=(count, 1, 28, 28), dtype=np.uint8))


def _run(here: Path, results: str, device: str, jobs: int, epochs: int, seeds: Sequence[int] = ()) -> None:
    settings = [f"training.epochs={epochs}", *([f"seeds={list(seeds)}"] if seeds else [])]
    overrides = [word for setting in settings for word in ("-o", setting)]
    where = ["--results", str(here / results), "--data", str(here / "data"), "--jobs", str(jobs), "--device", device]
    command = [sys.executable, "-m", "vimae_bench", "run", str(FILE), *where, *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _runs(results: Path) -> list[Path]:
    return sorted((results / "matrix" / "runs").iterdir())


def _times(runs: Sequence[Path], event: str) -> list[float]:
    """The sorted times of an event of all runs, in seconds since 1970."""
    lines = [line for run in runs for line, _ in read_json_lines(run / "events.jsonl")]
    return sorted(line["time"] for line in lines if line["event"] == event)
