"""A run whose training is a sleep. All else is done by what does it in real runs: locks, events, files, fsync."""

import os
import random
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
from vimae_bench.engine import measure as metrics
from vimae_bench.engine import worker as execute
from vimae_bench.engine.training.loop import Trained
from vimae_bench.execution import Job, MatrixEntry, PluginSpec
from vimae_bench.plugin import Estimate, Examples, Measure, Metric, Splits, registry
from vimae_bench.plugin.evaluation import Evaluation
from vimae_bench.storage.run_folder import RunFolder

SECONDS = 0.02
"""What a training takes."""
IMAGES = Examples(np.zeros((2, 1, 28, 28), np.uint8), np.zeros(2, np.int64))
DRAWS = 10
"""Values behind an estimate of a classifier, as those of `svm` have them."""
PICTURES = ("reconstructions.png", "samples.png", "losses.png")


def simulate(job: Job) -> int:
    """Carry out a job as a worker does, with stand-ins for the data, the training, the metrics and the pictures."""
    made = SimpleNamespace(make=partial(_pretended, job.entry))
    with (
        mock.patch.multiple(execute, open_splits=_splits, known_digests=_digests, train=_train, draw=_draw),
        mock.patch.object(metrics, "registry", made),
    ):
        return execute.execute(job)


def _splits(*_: object) -> Splits:
    return Splits(train=IMAGES, validation=IMAGES, test=IMAGES)


def _digests(_: Path) -> Json:
    return {name: f"{name:0>64}" for name in ("train_x", "train_y", "test_x", "test_y")}


def _train(*given: object) -> Trained:
    """Sleep, then tell of every epoch; it is given what `training.train` is."""
    _, _, training, _, _, folder, _ = cast("tuple[Any, Any, Training, Any, Any, RunFolder, Any]", given)
    folder.append_event("preparing", time=time.time(), born=_born())
    folder.append_event("started", time=time.time(), resumed_from=0, step="eager", remark="")
    time.sleep(SECONDS)
    write_epochs(folder, range(1, training.epochs + 1))
    return Trained("done", "", training.epochs, 100 * training.epochs, "eager", "float32")


def _born() -> float:
    """When this process was made, in seconds since 1970; the kernel counts in hundredths."""
    stat = Path("/proc/self/stat")
    if not stat.exists():  # macOS
        return time.time()
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


def write_epochs(folder: RunFolder, epochs: Sequence[int]) -> None:
    """The lines of epochs whose loss falls."""
    for epoch in epochs:
        terms = {"total": 30 + 20 / epoch, "sse": 24 + 20 / epoch, "kl": 6.0}
        folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=0.001, terms=terms)


def _draw(_: Evaluation, __: Sequence[Json], folder: Path) -> None:
    """Files in the place of pictures."""
    aside = folder.with_name(f".{folder.name}.unfinished")
    aside.mkdir(parents=True)
    for name in PICTURES:
        (aside / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4096) + b"IEND\xaeB`\x82")
    aside.rename(folder)


@dataclass(frozen=True)
class Pretended:
    """A metric with the measures of a real one, and values that depend on the method and on the seed."""

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
        """A level of the method, what the seed does to all methods, and noise."""
        run = self.entry.run
        level = _drawn(self.entry.label).uniform(20, 30) + _drawn(f"{run.seed} {name}").gauss(0, 1)
        noise = _drawn(f"{run.key} {name}")
        values = [level + noise.gauss(0, 1) for _ in range(self.draws)]
        return Estimate(fmean(values), 1000, 0.1, tuple(values) if self.draws > 1 else ())


def _pretended(entry: MatrixEntry, kind: str, choice: PluginSpec) -> Pretended:
    real: Metric = registry.make_plugin(kind, choice)
    return Pretended(entry, real.measures(), DRAWS if choice.name == "svm" else 1)


def _drawn(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 (no secret)
