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
from ...models.autoencoder import Autoencoder
from ...plugin.interfaces import Objective
from ...storage.run_folder import RunFolder
from ..step.select_backend import fastest
from ..step.step import Form, TrainingStep
from . import checkpoint
from .precision import lowered
from .pretraining import pretrain

DEFAULT_NUMERICS = NumericsOptions()


@dataclass(frozen=True)
class Trained:
    """How a training ended: after how many epochs and optimiser steps, and why; in which form of step and precision."""

    status: Status
    reason: str
    epochs: int
    steps: int
    step: str
    precision: str


@dataclass(frozen=True)
class Part:
    """What was done of an epoch before it was cut off: its steps, the float64 sums of their terms, its seconds.

    `noise` is the state of torch's generator behind them; None before the first.
    """

    steps: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    noise: Tensor | None = None
    seconds: float = 0.0


BEGINNING = Part()


class Cut(signals.Interrupted):
    """An epoch that was cut off between two steps, so that the run can end."""

    def __init__(self, number: int, part: Part):
        super().__init__(number)
        self.part = part


def train(
    model: Autoencoder,
    objective: Objective,
    training: Training,
    images: Tensor,
    seed: int,
    folder: RunFolder,
    numerics: NumericsOptions = DEFAULT_NUMERICS,
) -> Trained:
    """Train on images uint8 [N, C, H, W], telling each epoch and keeping a checkpoint now and then.

    Everything random in an epoch follows from (seed, epoch), so that a checkpoint between two epochs needs no
    generator's state. Raises BenchError if there are fewer images than one batch; Interrupted at the next step after a
    signal, on the CPU with a checkpoint of that step.
    """
    batches = len(images) // training.batch
    if not batches:
        raise BenchError(f"{len(images)} training images do not fill one batch of {training.batch}")
    step = TrainingStep(model.train(), objective, training, images)
    first, before, part = _resume(model, step, folder)
    folder.append_event("preparing", time=time.time())
    with lowered(model, images.device, exact=numerics.exact) as precision:
        if not before:
            pretrain(model, step, training, seed)
        form, remark = fastest(step, training.batch, training.epochs * batches, numerics.compile, before)
        folder.append_event("started", time=time.time(), resumed_from=first, step=form.kind, remark=remark)
        saved = time.perf_counter()
        for epoch in range(first + 1, training.epochs + 1):
            began = time.perf_counter() - part.seconds
            try:
                terms = _epoch(form, training, images, seed, epoch, part)
            except Cut as cut:
                _keep(cut.part, epoch, began, _state(model, step, form), folder, images.device)
                raise
            if reason := unsound(terms, epoch):
                return Trained("diverged", reason, epoch, epoch * batches, form.kind, precision)
            seconds, part = time.perf_counter() - began, BEGINNING
            folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=round(seconds, 6), terms=terms)
            if epoch < training.epochs and time.perf_counter() - saved >= checkpoint.EVERY:
                checkpoint.save(folder.checkpoints, epoch, _state(model, step, form))
                saved = time.perf_counter()
    reason = spoilt(model)  # the last step comes after the last loss
    status: Status = "diverged" if reason else "done"
    return Trained(status, reason, training.epochs, training.epochs * batches, form.kind, precision)


def _state(model: Autoencoder, step: TrainingStep, form: Form) -> dict[str, Any]:
    return {"model": model.state_dict(), "optimisers": step.state(), "step": form.kind}


def _keep(part: Part, epoch: int, began: float, state: dict[str, Any], folder: RunFolder, device: torch.device) -> None:
    """Keep the state in the midst of an epoch; a GPU's generators are no part of it, and it goes back to the last."""
    if device.type == "cpu":
        part = replace(part, noise=torch.get_rng_state(), seconds=time.perf_counter() - began)
        checkpoint.save(folder.checkpoints, epoch - 1, {**state, "part": vars(part)}, part.steps)
    folder.append_event("interrupted", epoch=epoch, steps=part.steps, time=time.time())


def _epoch(step: Form, training: Training, images: Tensor, seed: int, epoch: int, part: Part) -> dict[str, float]:
    """One pass over the images, or the rest of one; gives the mean of each term."""
    torch.manual_seed(derive_seed(seed, "noise", epoch))
    batches = batches_of(len(images), training, seed, epoch).to(images.device)
    if part.noise is not None:
        torch.set_rng_state(part.noise)
    means = passed(step, batches, training, epoch, part).tolist()
    return dict(zip(step.terms, means, strict=True))  # which there are is known after the first step


def batches_of(images: int, training: Training, seed: int, epoch: int) -> Tensor:
    """A permutation of the images in batches, the incomplete last one dropped, int64 [batches, B].

    With `sampling = "choice"` every batch is drawn by itself, without replacement, from all images.
    """
    generator, n = torch.Generator().manual_seed(derive_seed(seed, "order", epoch)), images // training.batch
    if training.sampling == "choice":
        return torch.stack([torch.randperm(images, generator=generator)[: training.batch] for _ in range(n)])
    return torch.randperm(images, generator=generator)[: n * training.batch].unflatten(0, (n, training.batch))


def passed(step: Form, batches: Tensor, training: Training, epoch: int, part: Part = BEGINNING) -> Tensor:
    """The mean of the terms, float64, over the steps of an epoch on the batches [n, ...] of images.

    Raises Cut between two steps after a signal.
    """
    n = len(batches)
    progress = torch.arange((epoch - 1) * n, epoch * n, device=batches.device) / (training.epochs * n)
    sums = part.sums.to(batches.device)
    left = zip(batches.unbind()[part.steps :], progress.unbind()[part.steps :], strict=True)
    for done, (index, at) in enumerate(left, part.steps):
        if number := signals.pending():
            raise Cut(number, Part(done, sums))
        sums = sums + step(index, at).double()
    return sums / n


def unsound(terms: Mapping[str, float], epoch: int) -> str:
    """Which means of an epoch are not finite, in words; empty if all are."""
    bad = [name for name, value in terms.items() if not math.isfinite(value)]
    return f"{', '.join(bad)} not finite in epoch {epoch}" if bad else ""


def spoilt(model: Autoencoder) -> str:
    """Which weights are not finite, in words; empty if all are."""
    lost = [name for name, p in model.named_parameters() if not bool(p.isfinite().all())]
    return f"{', '.join(lost)} not finite after the last step" if lost else ""


def _resume(model: Autoencoder, step: TrainingStep, folder: RunFolder) -> tuple[int, str, Part]:
    """Put back the newest checkpoint; gives its epoch, the form of step that led there, and what was done of the next.

    The epoch is 0 and the form empty where there is none.
    """
    found: tuple[int, dict[str, Any]] | None = checkpoint.latest(folder.checkpoints, model.prior.origin.device)
    if found is None or "step" not in found[1]:  # nothing, or the state of an optimiser of an earlier version
        return 0, "", BEGINNING
    epoch, state = found
    model.load_state_dict(state["model"])
    step.restore(state["optimisers"])
    return epoch, state["step"], Part(**state["part"]) if "part" in state else BEGINNING
