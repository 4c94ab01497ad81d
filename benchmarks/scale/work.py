"""A run whose training is a sleep; everything else is as in real runs: locks, events, files, fsync."""

import os
import random
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np

from vimae_bench.core.canonical import Json
from vimae_bench.core.spec import Training
from vimae_bench.engine import measure, worker
from vimae_bench.engine.training.loop import TrainingResult
from vimae_bench.execution import Job, MatrixEntry, PluginSpec
from vimae_bench.plugin import Estimate, Examples, Measure, Metric, Splits, registry
from vimae_bench.plugin.evaluation import Evaluation
from vimae_bench.storage.run_folder import RunFolder

SECONDS = 0.02
"""Duration of a training."""
IMAGES = Examples(np.zeros((2, 1, 28, 28), np.uint8), np.zeros(2, np.int64))
DRAWS = 10
"""Values per estimate of a classifier, as for `svm`."""
PICTURES = ("reconstructions.png", "samples.png")


def simulate(job: Job) -> int:
    """Carry out a job as a worker does, with fake data, training, metrics and pictures."""
    fakes: dict[str, Any] = {
        "open_splits": _open_splits,
        "read_data_digests": _read_digests,
        "train_model": _train,
        "draw_pictures": _draw_pictures,
    }
    registry = SimpleNamespace(make_plugin=partial(_make_fake_metric, job.entry))
    with mock.patch.multiple(worker, **fakes), mock.patch.object(measure, "registry", registry):
        return worker.execute_job(job)


def _open_splits(*_: object) -> Splits:
    return Splits(train=IMAGES, validation=IMAGES, test=IMAGES)


def _read_digests(*_: object) -> Json:
    return {name: f"{name:0>64}" for name in ("train_x", "train_y", "test_x", "test_y")}


def _train(*given: object, provenance: object) -> TrainingResult:  # noqa: ARG001
    """Sleep, then write an event for every epoch; takes the arguments of the real function."""
    _, _, training, _, _, folder, _ = cast("tuple[Any, Any, Training, Any, Any, RunFolder, Any]", given)
    folder.append_event("preparing", time=time.time(), born=_get_birth_time())
    folder.append_event("started", time=time.time(), resumed_from=0, step="eager", remark="")
    time.sleep(SECONDS)
    write_epochs(folder, range(1, training.epochs + 1))
    return TrainingResult("done", "", training.epochs, 100 * training.epochs, "eager", "float32")


def _get_birth_time() -> float:
    """The start time of this process in seconds since 1970, with a resolution of 10 ms."""
    stat = Path("/proc/self/stat")
    if not stat.exists():  # macOS
        return time.time()
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


def write_epochs(folder: RunFolder, epochs: Sequence[int]) -> None:
    """Write events of epochs with a decreasing loss."""
    for epoch in epochs:
        terms = {"total": 30 + 20 / epoch, "sse": 24 + 20 / epoch, "kl": 6.0}
        folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=0.001, terms=terms)


def _draw_pictures(_: Evaluation, folder: Path) -> None:
    """Write files that look like pictures."""
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    unfinished.mkdir(parents=True)
    for name in PICTURES:
        header = struct.pack(">I4sII", 13, b"IHDR", 28, 28)
        (unfinished / name).write_bytes(b"\x89PNG\r\n\x1a\n" + header + bytes(4096) + b"IEND\xaeB`\x82")
    unfinished.rename(folder)


@dataclass(frozen=True)
class FakeMetric:
    """A metric with the measures of a real one, and values that depend on the method and the seed."""

    entry: MatrixEntry
    announced: Sequence[Measure]
    draws: int

    def measures(self) -> Sequence[Measure]:
        return self.announced

    def references(self, *_: object) -> Mapping[str, Mapping[str, Estimate]]:
        return {"the mean image": {measure.name: Estimate(60.0, 1000) for measure in self.announced}}

    def __call__(self, _: Evaluation) -> dict[str, Estimate]:
        return {measure.name: self._estimate(measure.name) for measure in self.announced}

    def _estimate(self, name: str) -> Estimate:
        """The level of the method, plus an effect of the seed on all methods, plus noise."""
        run = self.entry.run
        level = _make_random(self.entry.label).uniform(20, 30) + _make_random(f"{run.seed} {name}").gauss(0, 1)
        noise = _make_random(f"{run.key} {name}")
        values = [level + noise.gauss(0, 1) for _ in range(self.draws)]
        return Estimate(fmean(values), 1000, 0.1, tuple(values) if self.draws > 1 else ())


def _make_fake_metric(entry: MatrixEntry, kind: str, choice: PluginSpec) -> FakeMetric:
    real: Metric = registry.make_plugin(kind, choice)
    return FakeMetric(entry, real.measures(), DRAWS if choice.name == "svm" else 1)


def _make_random(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 (no secret)
