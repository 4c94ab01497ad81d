"""Training one model from its seed to its last epoch, resuming bit for bit where an earlier process was cut off."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ...core.errors import BenchError
from ...core.results import Status
from ...core.seeds import derive_seed
from ...core.spec import Training
from ...execution import signals
from ...execution.jobs import NumericsOptions
from ...functional.random_state import seed_generators
from ...models.autoencoder import Autoencoder
from ...plugin.interfaces import Objective
from ...storage.run_folder import RunFolder
from ..step.inductor import compile_step
from ..step.select_backend import Compiler, select_backend
from ..step.step import StepBackend, TrainingStep
from . import checkpoint
from .precision import autocast_training
from .pretraining import pretrain_encoder

DEFAULT_NUMERICS = NumericsOptions()


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended: after how many epochs and steps, and why; with which kind of step and precision."""

    status: Status
    reason: str
    epochs: int
    steps: int
    step: str
    precision: str


@dataclass(frozen=True)
class EpochProgress:
    """What was done of an epoch before it was interrupted: its steps, the float64 sums of their terms, its seconds.

    `noise` is the state of torch's generator behind them; None before the first.
    """

    steps: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    noise: Tensor | None = None
    seconds: float = 0.0


EPOCH_START = EpochProgress()


class EpochInterrupted(signals.Interrupted):
    """An epoch that was interrupted between two steps, so that the run can end."""

    def __init__(self, number: int, done: EpochProgress):
        super().__init__(number)
        self.done = done


def train_model(
    model: Autoencoder,
    objective: Objective,
    training: Training,
    images: Tensor,
    seed: int,
    folder: RunFolder,
    numerics: NumericsOptions = DEFAULT_NUMERICS,
    *,
    checkpoint_seconds: float | None = None,
    compiler: Compiler = compile_step,
) -> TrainingResult:
    """Train on images uint8 [N, C, H, W]; each epoch is an event in `folder`, with a checkpoint now and then.

    `checkpoint_seconds` is the time of training between two checkpoints, by default `checkpoint.INTERVAL_SECONDS`.

    Everything random in an epoch follows from (seed, epoch), so that a checkpoint between two epochs needs no
    generator's state. Raises BenchError if there are fewer images than one batch; Interrupted at the next step after a
    signal, on the CPU with a checkpoint of that step.
    """
    batches = len(images) // training.batch
    if not batches:
        raise BenchError(f"{len(images)} training images do not fill one batch of {training.batch}")
    step = TrainingStep(model.train(), objective, training, images)
    first, before, done = _restore_checkpoint(model, step, folder)
    folder.append_event("preparing", time=time.time())
    with autocast_training(model, images.device, exact=numerics.exact) as precision:
        if not before:
            pretrain_encoder(model, step, training, seed)
        backend, remark = select_backend(
            step, training.batch, training.epochs * batches, numerics.compile, before, compiler=compiler
        )
        folder.append_event("started", time=time.time(), resumed_from=first, step=backend.kind, remark=remark)
        saved, interval = time.perf_counter(), checkpoint.get_interval(checkpoint_seconds)
        for epoch in range(first + 1, training.epochs + 1):
            began = time.perf_counter() - done.seconds
            try:
                terms = _train_epoch(backend, training, images, seed, epoch, done)
            except EpochInterrupted as interrupted:
                state = _make_state(model, step, backend)
                _save_interrupted(interrupted.done, epoch, began, state, folder, images.device)
                raise
            if reason := describe_non_finite_terms(terms, epoch):
                return TrainingResult("diverged", reason, epoch, epoch * batches, backend.kind, precision)
            seconds, done = time.perf_counter() - began, EPOCH_START
            folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=round(seconds, 6), terms=terms)
            if epoch < training.epochs and time.perf_counter() - saved >= interval:
                checkpoint.save_checkpoint(folder.checkpoints, epoch, _make_state(model, step, backend))
                saved = time.perf_counter()
    reason = describe_non_finite_weights(model)  # the last step comes after the last loss
    status: Status = "diverged" if reason else "done"
    return TrainingResult(status, reason, training.epochs, training.epochs * batches, backend.kind, precision)


def _make_state(model: Autoencoder, step: TrainingStep, backend: StepBackend) -> dict[str, Any]:
    return {"model": model.state_dict(), "optimisers": step.get_state(), "step": backend.kind}


def _save_interrupted(
    done: EpochProgress, epoch: int, began: float, state: dict[str, Any], folder: RunFolder, device: torch.device
) -> None:
    """Save the state within an epoch; on a GPU, whose generators it does not hold, the epoch begins again."""
    if device.type == "cpu":
        done = replace(done, noise=torch.get_rng_state(), seconds=time.perf_counter() - began)
        checkpoint.save_checkpoint(folder.checkpoints, epoch - 1, {**state, "part": vars(done)}, done.steps)
    folder.append_event("interrupted", epoch=epoch, steps=done.steps, time=time.time())


def _train_epoch(
    step: StepBackend, training: Training, images: Tensor, seed: int, epoch: int, done: EpochProgress
) -> dict[str, float]:
    """One pass over the images, or the rest of one; gives the mean of each term."""
    seed_generators(derive_seed(seed, "noise", epoch))
    batches = draw_batches(len(images), training, seed, epoch).to(images.device)
    if done.noise is not None:
        torch.set_rng_state(done.noise)
    means = run_epoch(step, batches, training, epoch, done).tolist()
    return dict(zip(step.terms, means, strict=True))  # which there are is known after the first step


def draw_batches(images: int, training: Training, seed: int, epoch: int) -> Tensor:
    """A permutation of the images in batches, the incomplete last one dropped, int64 [batches, B].

    With `sampling = "choice"` every batch is drawn by itself, without replacement, from all images.
    """
    generator, n = torch.Generator().manual_seed(derive_seed(seed, "order", epoch)), images // training.batch
    if training.sampling == "choice":
        return torch.stack([torch.randperm(images, generator=generator)[: training.batch] for _ in range(n)])
    return torch.randperm(images, generator=generator)[: n * training.batch].unflatten(0, (n, training.batch))


def run_epoch(
    step: StepBackend, batches: Tensor, training: Training, epoch: int, done: EpochProgress = EPOCH_START
) -> Tensor:
    """The mean of the terms, float64, over the steps of an epoch on the batches [n, ...] of images.

    Raises EpochInterrupted between two steps after a signal.
    """
    n = len(batches)
    progress = torch.arange((epoch - 1) * n, epoch * n, device=batches.device) / (training.epochs * n)
    sums = done.sums.to(batches.device)
    remaining = zip(batches.unbind()[done.steps :], progress.unbind()[done.steps :], strict=True)
    for steps, (index, at) in enumerate(remaining, done.steps):
        if number := signals.pending():
            raise EpochInterrupted(number, EpochProgress(steps, sums))
        sums = sums + step(index, at).double()
    return sums / n


def describe_non_finite_terms(terms: Mapping[str, float], epoch: int) -> str:
    """Which means of an epoch are not finite, in words; empty if all are."""
    bad = [name for name, value in terms.items() if not math.isfinite(value)]
    return f"{', '.join(bad)} not finite in epoch {epoch}" if bad else ""


def describe_non_finite_weights(model: Autoencoder) -> str:
    """Which weights are not finite, in words; empty if all are."""
    lost = [name for name, p in model.named_parameters() if not bool(p.isfinite().all())]
    return f"{', '.join(lost)} not finite after the last step" if lost else ""


def _restore_checkpoint(model: Autoencoder, step: TrainingStep, folder: RunFolder) -> tuple[int, str, EpochProgress]:
    """Restore the newest checkpoint; gives its epoch, the kind of step that led there, and what was done of the next.

    The epoch is 0 and the kind empty where there is none.
    """
    found: tuple[int, dict[str, Any]] | None = checkpoint.load_latest_checkpoint(
        folder.checkpoints, model.prior.origin.device
    )
    if found is None or "step" not in found[1]:  # nothing, or the state of an optimiser of an earlier version
        return 0, "", EPOCH_START
    epoch, state = found
    model.load_state_dict(state["model"])
    step.restore_state(state["optimisers"])
    return epoch, state["step"], EpochProgress(**state["part"]) if "part" in state else EPOCH_START
