"""The contract of objectives."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..models.autoencoder import Autoencoder
from ..plugin.interfaces import Objective
from .contract import call_with_seed, check, require
from .fixtures import HALF
from .settings import SETTINGS
from .training import TRAINING, TrainingSetup, run_steps


@check
def terms_are_finite(objective: Objective) -> None:
    """The loss and its terms are finite scalars."""
    step, losses = run_steps(TrainingSetup(objective), 10)
    require(bool(losses.isfinite().all()), f"a term of {step.terms} is not finite")


@check
def smallest_batch_suffices(objective: Objective) -> None:
    """The loss and its terms are finite for as few images as `smallest_batch()` says, or two."""
    setup, n = TrainingSetup(objective), max(2, objective.smallest_batch())
    terms = call_with_seed(0, lambda: setup.make_step()(setup.select_batch()[:n], HALF))
    require(bool(terms.isfinite().all()), f"the loss or a term of it is not finite for {n} images")


@check
def gradient_reaches_all_weights(objective: Objective) -> None:
    """A gradient reaches every module of the model that a step trains."""
    setup = TrainingSetup(objective)
    step = setup.make_step()
    for optimizer_step in step.steps:
        loss = optimizer_step.loss(step.model, step.make_batch(setup.select_batch(), HALF)).total
        missed = sorted({*_find_missed(loss, step.model, optimizer_step.modules)})
        require(not missed, f"no gradient reaches {missed}")


@check
def loss_decreases(objective: Objective) -> None:
    """Sixty steps on example images decrease the loss; not required of objectives with several optimiser steps."""
    step, losses = run_steps(TrainingSetup(objective), 60)
    first, last = (float(part[:, 0].mean()) for part in (losses[:10], losses[-10:]))
    require(len(step.steps) > 1 or last < first, f"the loss does not decrease in 60 steps: {first:.3f} to {last:.3f}")


def _find_missed(loss: Tensor, model: Autoencoder, modules: Sequence[str]) -> Iterator[str]:
    """The modules with a parameter that no gradient of the loss reaches."""
    for name in modules:
        for p in model.module_parameters((name,)):
            if p.requires_grad and torch.autograd.grad(loss, p, retain_graph=True, allow_unused=True) == (None,):
                yield name


OBJECTIVE = (
    terms_are_finite,
    smallest_batch_suffices,
    gradient_reaches_all_weights,
    loss_decreases,
    *(each.apply_to(TrainingSetup) for each in TRAINING),
    *SETTINGS,
)
