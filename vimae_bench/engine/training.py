"""Training one model from its seed to its last epoch, resuming bit for bit where an earlier process was cut off."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import BenchError
from ..folder import RunFolder
from ..kinds import Objective
from ..model import Autoencoder
from ..records import Means, Status, Training
from ..seeds import derive
from . import checkpoint
from .faster import fastest
from .precision import lowered
from .replay import Form
from .step import TrainingStep

ORDINARY = Means()


@dataclass(frozen=True)
class Trained:
    """How a training ended: after how many epochs and optimiser steps, and why; in which form of step and precision."""

    status: Status
    reason: str
    epochs: int
    steps: int
    step: str
    precision: str


def train(
    model: Autoencoder,
    objective: Objective,
    training: Training,
    images: Tensor,
    seed: int,
    folder: RunFolder,
    means: Means = ORDINARY,
) -> Trained:
    """Train on images uint8 [N, C, H, W], telling each epoch and keeping a checkpoint now and then.

    Everything random in an epoch follows from (seed, epoch), so that a checkpoint needs no generator's state.
    Raises BenchError if there are fewer images than one batch.
    """
    batches = len(images) // training.batch
    if not batches:
        raise BenchError(f"{len(images)} training images do not fill one batch of {training.batch}")
    step = TrainingStep(model.train(), objective, training, images)
    first, before = _resume(model, step, folder)
    folder.tell("preparing", time=time.time())
    with lowered(model, images.device, exact=means.exact) as precision:
        form, remark = fastest(step, training.batch, training.epochs * batches, means.compile, before)
        folder.tell("started", time=time.time(), resumed_from=first, step=form.kind, remark=remark)
        saved = time.perf_counter()
        for epoch in range(first + 1, training.epochs + 1):
            began = time.perf_counter()
            terms = _epoch(form, training, images, seed, epoch)
            if bad := [name for name, value in terms.items() if not math.isfinite(value)]:
                reason = f"{', '.join(bad)} not finite in epoch {epoch}"
                return Trained("diverged", reason, epoch, epoch * batches, form.kind, precision)
            seconds = time.perf_counter() - began
            folder.tell("epoch", epoch=epoch, time=time.time(), seconds=round(seconds, 6), terms=terms)
            if epoch < training.epochs and time.perf_counter() - saved >= checkpoint.EVERY:
                state = {"model": model.state_dict(), "optimisers": step.state(), "step": form.kind}
                checkpoint.save(folder.checkpoints, epoch, state)
                saved = time.perf_counter()
    # The last step comes after the last loss.
    lost = [name for name, p in model.named_parameters() if not bool(p.isfinite().all())]
    reason = f"{', '.join(lost)} not finite after the last step" if lost else ""
    status: Status = "diverged" if lost else "done"
    return Trained(status, reason, training.epochs, training.epochs * batches, form.kind, precision)


def _epoch(step: Form, training: Training, images: Tensor, seed: int, epoch: int) -> dict[str, float]:
    """One pass over a permutation of the images, the incomplete last batch dropped; gives the mean of each term."""
    device = images.device
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(derive(seed, "order", epoch)))
    batches = order[: len(images) // training.batch * training.batch].to(device).split(training.batch)
    done, whole = (epoch - 1) * len(batches), training.epochs * len(batches)
    progress = (torch.arange(done, done + len(batches), device=device) / whole).unbind()
    torch.manual_seed(derive(seed, "noise", epoch))
    sums: Tensor | float = 0.0
    for index, at in zip(batches, progress, strict=True):
        sums = sums + step(index, at).double()
    return dict(zip(step.terms, (torch.as_tensor(sums) / len(batches)).tolist(), strict=True))


def _resume(model: Autoencoder, step: TrainingStep, folder: RunFolder) -> tuple[int, str]:
    """Put back the newest checkpoint; gives its epoch, or 0, and the form of step that led there."""
    found: tuple[int, dict[str, Any]] | None = checkpoint.latest(folder.checkpoints, model.prior.origin.device)
    if found is None:
        return 0, ""
    epoch, state = found
    model.load_state_dict(state["model"])
    step.restore(state["optimisers"])
    return epoch, state["step"]
