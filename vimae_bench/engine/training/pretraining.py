"""Codes brought near the prior before the first epoch, as the WAE code does (github.com/tolstikhin/wae, `wae.py`)."""

import torch
from torch import Tensor

from ...core.seeds import derive_seed
from ...core.spec import Training
from ...functional.random_state import seed_generators
from ...models.autoencoder import Autoencoder
from ..step.adam import Adam
from ..step.step import TrainingStep

LOSS_THRESHOLD = 0.1
"""The loss below which that code stops."""


def pretrain_encoder(model: Autoencoder, step: TrainingStep, training: Training, seed: int) -> int:
    """Train the encoder for at most `pretraining` steps on `moment_distance`; gives how many steps were made.

    The batches and draws follow from the seed alone. At most as many images as there are make a batch.
    """
    if not training.pretraining:
        return 0
    optimiser = Adam(
        model.module_parameters(("encoder",)), training.learning_rate, training.adam_beta1, training.adam_beta2
    )
    seed_generators(derive_seed(seed, "noise", "pretraining"))
    order = torch.Generator().manual_seed(derive_seed(seed, "order", "pretraining"))
    images, size = len(step.images), min(training.pretraining_batch, len(step.images))
    for done in range(training.pretraining):
        index = torch.randperm(images, generator=order)[:size].to(step.images.device)
        loss = moment_distance(model.encode(step.gather_images(index)).rsample(), model.prior.sample(size))
        if loss.item() < LOSS_THRESHOLD:  # before the first epoch nothing is captured or compiled: it may wait
            return done
        optimiser.step(torch.autograd.grad(loss, optimiser.weights, allow_unused=True))
    return training.pretraining


def moment_distance(z: Tensor, p: Tensor) -> Tensor:
    """Mean squared difference of the means plus that of the covariances of two samples [n, d], a scalar."""
    means = (z.mean(0) - p.mean(0)).square().mean()
    return means + (torch.atleast_2d(torch.cov(z.T)) - torch.atleast_2d(torch.cov(p.T))).square().mean()
