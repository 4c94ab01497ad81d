"""Training the seeds of one run as one batched model, each into its own folder."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...core.results import Status
from ...core.seeds import derive_seed
from ...core.spec import Training
from ...execution.jobs import NumericsOptions
from ...models.autoencoder import Autoencoder
from ...plugin.interfaces import Objective
from ...storage.run_folder import RunFolder
from ..step.graph import NotOneGraph
from ..step.select_backend import captured
from ..step.step import Form, TrainingStep
from ..step.vmapped_step import batched
from . import checkpoint
from .loop import Trained, batches_of, passed, spoilt, unsound
from .precision import lowered


@dataclass
class Seed:
    """One of the seeds; one that diverges is told of no more, and harms no other."""

    seed: int
    model: Autoencoder
    folder: RunFolder
    epochs: int = 0
    diverged: str = ""

    def tell(self, epoch: int, seconds: float, terms: dict[str, float]) -> None:
        """Write down an epoch."""
        if self.diverged:
            return
        self.epochs, self.diverged = epoch, unsound(terms, epoch)
        if not self.diverged:
            self.folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=round(seconds, 6), terms=terms)


def train_together(
    seeds: Sequence[Seed], objective: Objective, training: Training, images: Tensor, numerics: NumericsOptions
) -> list[Trained]:
    """Train models that differ in their seeds alone, on images uint8 [N, C, H, W]; an epoch's seconds are those of all.

    Every seed sees the batches that it sees alone. Raises NotOneGraph where the objective cannot be batched; nothing is
    trained then.
    """
    if training.pretraining:
        raise NotOneGraph("pretraining goes seed by seed")
    steps = [TrainingStep(seed.model.train(), objective, training, images) for seed in seeds]
    folder = seeds[0].folder.checkpoints_of_seeds
    first = _resume(seeds, steps, checkpoint.latest(folder, images.device))
    with lowered(seeds[0].model, images.device, exact=numerics.exact) as precision:
        form, remark = _form(steps, training.batch, images.device)
        for seed in seeds:
            seed.folder.append_event("started", time=time.time(), resumed_from=first, step=form.kind, remark=remark)
        saved = time.perf_counter()
        for epoch in range(first + 1, training.epochs + 1):
            _epoch(form, seeds, training, images, epoch)
            if epoch < training.epochs and time.perf_counter() - saved >= checkpoint.EVERY:
                checkpoint.save(folder, epoch, _state(seeds, steps))
                saved = time.perf_counter()
    n = len(images) // training.batch
    return [_ended(seed, n, form.kind, precision) for seed in seeds]


def _form(steps: Sequence[TrainingStep], batch: int, device: torch.device) -> tuple[Form, str]:
    index = torch.zeros(len(steps), batch, dtype=torch.int64, device=device)
    progress = torch.zeros((), device=device)
    form = batched(steps, index, progress)
    return captured(form, form.graph.leaves, index, progress)


def _epoch(form: Form, seeds: Sequence[Seed], training: Training, images: Tensor, epoch: int) -> None:
    began = time.perf_counter()
    torch.manual_seed(derive_seed(*(seed.seed for seed in seeds), "noise", epoch))
    batches = torch.stack([batches_of(len(images), training, seed.seed, epoch) for seed in seeds], 1)
    means = passed(form, batches.to(images.device), training, epoch).T.tolist()
    seconds = time.perf_counter() - began
    for seed, values in zip(seeds, means, strict=True):
        seed.tell(epoch, seconds / len(seeds), dict(zip(form.terms, values, strict=True)))


def _state(seeds: Sequence[Seed], steps: Sequence[TrainingStep]) -> dict[str, Any]:
    """Of all seeds in one file, so that they can never be of different epochs."""
    return {
        "seeds": [seed.seed for seed in seeds],
        "models": [seed.model.state_dict() for seed in seeds],
        "optimisers": [step.state() for step in steps],
        "ends": [(seed.epochs, seed.diverged) for seed in seeds],
    }


def _resume(seeds: Sequence[Seed], steps: Sequence[TrainingStep], found: tuple[int, dict[str, Any]] | None) -> int:
    """Put back what was found, if it is of these seeds; gives its epoch, or 0."""
    if found is None or found[1]["seeds"] != [seed.seed for seed in seeds]:
        return 0
    epoch, state = found
    parts = zip(seeds, steps, state["models"], state["optimisers"], state["ends"], strict=True)
    for seed, step, model, optimisers, (seed.epochs, seed.diverged) in parts:
        seed.model.load_state_dict(model)
        step.restore(optimisers)
    return epoch


def _ended(seed: Seed, batches: int, kind: str, precision: str) -> Trained:
    reason = seed.diverged or spoilt(seed.model)
    status: Status = "diverged" if reason else "done"
    return Trained(status, reason, seed.epochs, seed.epochs * batches, kind, precision)
