"""Codes of test images in several draws."""

import torch
from torch import Tensor

from vimae_bench.models import DiracPosterior
from vimae_bench.plugin import Evaluation

DRAWS = 5


def draw_codes(evaluation: Evaluation) -> Tensor:
    """Draws of q(z|x) of every test image [5, N, d], the noise of which all runs share.

    A deterministic encoder has the same code in every draw.
    """
    if isinstance(evaluation.posterior("test"), DiracPosterior):
        return evaluation.posterior_samples("test").expand(DRAWS, -1, -1)
    return torch.stack([evaluation.posterior_samples("test", draw) for draw in range(DRAWS)])
