"""How the learning rate falls during a run, as in the configurations of the WAE code (github.com/tolstikhin/wae)."""

import torch
from torch import Tensor

from ...core.spec import Training

STEPS = ((30, 2.0), (50, 5.0), (100, 10.0))
"""From which epoch on, counted from 0, `wae_steps` divides the rate by how much ("manual" in that code, for MNIST)."""
SMOOTH = 100.0
"""By how much `wae_smooth` has divided the rate in the last epoch ("manual_smooth" in that code, for CelebA)."""
WITHIN = 1e-4
"""Far less than a step, in epochs: progress is rounded, and an epoch must not begin a step late."""


def factor(training: Training, progress: Tensor) -> Tensor | None:
    """What the learning rate is multiplied with at a progress from 0 to 1, a scalar; None for a constant rate."""
    if training.schedule == "constant":
        return None
    epoch = torch.floor(progress * training.epochs + WITHIN)
    if training.schedule == "wae_smooth":
        return SMOOTH ** (-(epoch + 1) / training.epochs)
    divisor = torch.ones_like(epoch)
    for first, by in STEPS:
        divisor = torch.where(epoch >= first, divisor * by, divisor)
    return 1 / divisor
