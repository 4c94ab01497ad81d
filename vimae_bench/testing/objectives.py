"""The contract of objectives."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..models.autoencoder import Autoencoder
from ..plugin.interfaces import Objective
from .contract import check, expect
from .fixtures import HALF
from .settings import SETTINGS
from .training import TRAINING, Trained, trained


@check
def finite_terms(objective: Objective) -> None:
    """The loss and its terms are finite scalars."""
    step, losses = trained(Trained(objective), 10)
    expect(bool(losses.isfinite().all()), f"a term of {step.terms} is not finite")


@check
def gradient_for_all(objective: Objective) -> None:
    """A gradient reaches every part of the model that a step trains."""
    of = Trained(objective)
    step = of.step()
    for part in step.steps:
        loss = part.loss(step.model, step.batch(of.index(), HALF)).total
        bare = sorted({*_bare(loss, step.model, part.modules)})
        expect(not bare, f"no gradient reaches {bare}")


@check
def loss_falls(objective: Objective) -> None:
    """Sixty steps on toy images lower the loss; not asked of a game of two players."""
    step, losses = trained(Trained(objective), 60)
    first, last = (float(part[:, 0].mean()) for part in (losses[:10], losses[-10:]))
    expect(len(step.steps) > 1 or last < first, f"the loss does not fall in 60 steps: {first:.3f} to {last:.3f}")


def _bare(loss: Tensor, model: Autoencoder, parts: Sequence[str]) -> Iterator[str]:
    """The parts with a parameter that no gradient of the loss reaches."""
    for name in parts:
        for p in model.module_parameters((name,)):
            if p.requires_grad and torch.autograd.grad(loss, p, retain_graph=True, allow_unused=True) == (None,):
                yield name


OBJECTIVE = (finite_terms, gradient_for_all, loss_falls, *(each.of(Trained) for each in TRAINING), *SETTINGS)
