"""Two-dimensional latent space, decoded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from vimae_bench.data import to_uint8
from vimae_bench.plugin import Evaluation, ImageTable, Picture, hookimpl

STEPS = 11


@dataclass(frozen=True)
class LatentGrid(Picture):
    """Images decoded from a grid of 11 x 11 codes, at equally spaced quantiles of the model's own prior.

    For a model with two latent dimensions: the first goes to the right, the second upwards, as in the scatter plot of
    codes. Every image stands for the same share of the prior.
    """

    def __call__(self, evaluation: Evaluation) -> ImageTable:
        shares = [(i + 0.5) / STEPS for i in range(STEPS)]
        first, second = evaluation.prior_quantiles(shares).T
        codes = torch.stack([first.repeat(STEPS), second.flip(0).repeat_interleave(STEPS)], 1)
        images = to_uint8(evaluation.decode(codes))
        return ImageTable(
            images.reshape(STEPS, STEPS, *images.shape[1:]),
            "Latent space, decoded at quantiles of the prior: z1 to the right, z2 upwards",
            tuple(f"z2 {100 * share:.0f} %" for share in reversed(shares)),
            tuple(f"{100 * share:.0f} %" for share in shares),
        )

    def explain_absence(self, evaluation: Evaluation) -> str:
        latent = evaluation.spec.latent
        return "" if latent == 2 else f"it has {latent} latent dimension{'s' * (latent != 1)}, not 2"


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"latent_grid": LatentGrid}
