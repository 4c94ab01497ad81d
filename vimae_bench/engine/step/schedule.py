"""How the learning rate changes during a run."""

import torch
from torch import Tensor

from ...core.spec import Training
from ...plugin.registry import load_schedule

TOLERANCE = 1e-4
"""Far less than a step, in epochs: progress is rounded, and an epoch must not begin a step late."""


def get_rate_factor(training: Training, progress: Tensor) -> Tensor | None:
    """What the learning rate is multiplied with at a progress from 0 to 1, a scalar; None for a constant rate."""
    if training.schedule == "constant":
        return None
    epoch = torch.floor(progress * training.epochs + TOLERANCE)
    return load_schedule(training.schedule)(epoch, training.epochs)
