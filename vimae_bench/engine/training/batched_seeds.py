"""Training the seeds of one run as one batched model, each into its own folder."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...core.results import Status
from ...core.seeds import derive_seed
from ...core.spec import Training
from ...execution.jobs import NumericsOptions
from ...functional.random_state import seed_generators
from ...models.autoencoder import Autoencoder
from ...plugin.interfaces import Objective
from ...storage.run_folder import RunFolder
from ..provenance import Provenance
from ..step.graph import TracingError
from ..step.select_backend import capture_on_gpu
from ..step.step import StepBackend, TrainingStep
from ..step.vmapped_step import make_batched_step
from . import checkpoint
from .loop import (
    TrainingResult,
    choose_start,
    describe_non_finite_terms,
    describe_non_finite_weights,
    draw_batches,
    may_be_resumed,
    run_epoch,
)
from .precision import autocast_training


@dataclass
class SeedTraining:
    """The training of one of the seeds. One that diverges records no more epochs, and harms no other."""

    seed: int
    model: Autoencoder
    folder: RunFolder
    epochs: int = 0
    divergence_reason: str = ""

    def record_epoch(self, epoch: int, seconds: float, terms: dict[str, float]) -> None:
        """Append an epoch to the events of the run."""
        if self.divergence_reason:
            return
        self.epochs, self.divergence_reason = epoch, describe_non_finite_terms(terms, epoch)
        if not self.divergence_reason:
            self.folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=round(seconds, 6), terms=terms)


def train_seeds_batched(
    seeds: Sequence[SeedTraining],
    objective: Objective,
    training: Training,
    images: Tensor,
    numerics: NumericsOptions,
    *,
    provenance: Provenance | None = None,
    checkpoint_seconds: float | None = None,
) -> list[TrainingResult]:
    """Train models that differ in their seeds alone, on images uint8 [N, C, H, W]; an epoch's seconds are those of all.

    Every seed sees the batches that it sees alone. `provenance` and `checkpoint_seconds` are as in `train_model`.
    Raises TracingError where the objective cannot be batched; nothing is trained then.
    """
    if training.pretraining:
        raise TracingError("pretraining goes seed by seed")
    steps = [TrainingStep(seed.model.train(), objective, training, images) for seed in seeds]
    folder = seeds[0].folder.checkpoints_of_seeds
    first, provenance, resumed = _resume_seeds(seeds, steps, folder, images.device, provenance)
    how = autocast_training(seeds[0].model, images.device, training.precision, exact=numerics.exact)
    with how as precision:
        backend, remark = _make_batched_step(steps, training.batch, images.device)
        remark = "; ".join(filter(None, [resumed, remark]))
        for seed in seeds:
            fields = {"resumed_from": first, "step": backend.kind, "remark": remark}
            by = {"made_from": provenance.key} if provenance else {}
            seed.folder.append_event("started", time=time.time(), **fields, **by)
        saved, interval = time.perf_counter(), checkpoint.get_interval(checkpoint_seconds)
        for epoch in range(first + 1, training.epochs + 1):
            _train_epoch_batched(backend, seeds, training, images, epoch)
            if epoch < training.epochs and time.perf_counter() - saved >= interval:
                checkpoint.save_checkpoint(folder, epoch, _make_seeds_state(seeds, steps, provenance))
                saved = time.perf_counter()
    n = len(images) // training.batch
    results = [_make_result(seed, n, backend.kind, precision) for seed in seeds]
    return [replace(result, earlier=provenance.earlier) for result in results] if provenance else results


def _make_batched_step(steps: Sequence[TrainingStep], batch: int, device: torch.device) -> tuple[StepBackend, str]:
    index = torch.zeros(len(steps), batch, dtype=torch.int64, device=device)
    progress = torch.zeros((), device=device)
    backend = make_batched_step(steps, index, progress)
    return capture_on_gpu(backend, backend.graph.leaves, index, progress)


def _train_epoch_batched(
    backend: StepBackend, seeds: Sequence[SeedTraining], training: Training, images: Tensor, epoch: int
) -> None:
    began = time.perf_counter()
    seed_generators(derive_seed(*(seed.seed for seed in seeds), "noise", epoch))
    batches = torch.stack([draw_batches(len(images), training, seed.seed, epoch) for seed in seeds], 1)
    means = run_epoch(backend, batches.to(images.device), training, epoch).T.tolist()
    seconds = time.perf_counter() - began
    for seed, values in zip(seeds, means, strict=True):
        seed.record_epoch(epoch, seconds / len(seeds), dict(zip(backend.terms, values, strict=True)))


def _make_seeds_state(
    seeds: Sequence[SeedTraining], steps: Sequence[TrainingStep], provenance: Provenance | None
) -> dict[str, Any]:
    """Of all seeds in one file, so that they can never be of different epochs."""
    state = {
        "seeds": [seed.seed for seed in seeds],
        "models": [seed.model.state_dict() for seed in seeds],
        "optimisers": [step.get_state() for step in steps],
        "ends": [(seed.epochs, seed.divergence_reason) for seed in seeds],
    }
    return state | ({"made_from": provenance.as_json()} if provenance else {})


def _resume_seeds(
    seeds: Sequence[SeedTraining],
    steps: Sequence[TrainingStep],
    folder: Path,
    device: torch.device,
    provenance: Provenance | None,
) -> tuple[int, Provenance | None, str]:
    """Restore the newest checkpoint, if it is of these seeds and can be gone on from.

    Gives its epoch, or 0; what the training is then made from and by; what there is to say of that.
    """
    found = checkpoint.load_latest_checkpoint(
        folder,
        device,
        lambda epoch, state: epoch < steps[0].training.epochs and _fits_seeds(state, seeds, steps),
        checkpoint.count_bytes(*(seed.model for seed in seeds)),
    )
    found, provenance, remark = choose_start([seed.folder for seed in seeds], folder, found, provenance)
    if found is None:
        return 0, provenance, remark
    epoch, state = found
    parts = zip(seeds, steps, state["models"], state["optimisers"], state["ends"], strict=True)
    for seed, step, model, optimisers, (seed.epochs, seed.divergence_reason) in parts:
        seed.model.load_state_dict(model)
        step.restore_state(optimisers)
    return epoch, provenance, remark


def _fits_seeds(state: Mapping[str, Any], seeds: Sequence[SeedTraining], steps: Sequence[TrainingStep]) -> bool:
    """Whether a state is one of these seeds of this training."""
    expected = _make_seeds_state(seeds, steps, None)
    has_form = checkpoint.has_form_of({name: state.get(name) for name in expected}, expected)
    return has_form and state["seeds"] == expected["seeds"] and may_be_resumed(state)


def _make_result(seed: SeedTraining, batches: int, kind: str, precision: str) -> TrainingResult:
    reason = seed.divergence_reason or describe_non_finite_weights(seed.model)
    status: Status = "diverged" if reason else "done"
    return TrainingResult(status, reason, seed.epochs, seed.epochs * batches, kind, precision)
