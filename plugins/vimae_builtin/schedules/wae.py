"""How the learning rate falls in the two configurations of the WAE code (github.com/tolstikhin/wae)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vimae_bench.plugin import Schedule, hookimpl

STEPS = ((30, 2.0), (50, 5.0), (100, 10.0))
"""From which epoch on, counted from 0, the rate is divided by how much ("manual" in that code, for MNIST)."""
DECAY = 100.0
"""By how much the rate has been divided in the last epoch ("manual_smooth" in that code, for CelebA)."""


def decay_in_steps(epoch: Tensor, epochs: int) -> Tensor:  # noqa: ARG001
    """The factor of `wae_steps`."""
    divisor = torch.ones_like(epoch)
    for first, by in STEPS:
        divisor = torch.where(epoch >= first, divisor * by, divisor)
    return 1 / divisor


def decay_smoothly(epoch: Tensor, epochs: int) -> Tensor:
    """The factor of `wae_smooth`."""
    return DECAY ** (-(epoch + 1) / epochs)


@hookimpl
def vimae_schedules() -> Mapping[str, Schedule]:
    """The schedules `wae_steps` and `wae_smooth`."""
    return {"wae_steps": decay_in_steps, "wae_smooth": decay_smoothly}
