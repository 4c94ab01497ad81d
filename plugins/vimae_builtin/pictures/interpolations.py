"""What lies between two images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vimae_bench.data import choose_places, to_uint8
from vimae_bench.plugin import Evaluation, ImageTable, Picture, hookimpl

PAIRS, STEPS = 6, 7


@dataclass(frozen=True)
class Interpolations(Picture):
    """Pairs of test images, and images decoded from codes on the line between their mean codes.

    The pairs are chosen at random, the same for all methods and runs on a data set.
    """

    def __call__(self, evaluation: Evaluation) -> ImageTable:
        places = choose_places(len(evaluation.examples("test")), 2 * PAIRS, "interpolations", evaluation.dataset)
        pairs = len(places) // 2
        ends = torch.cat(list(evaluation.images("test", places)))
        mean = evaluation.posterior("test").mean
        first, last = mean[torch.from_numpy(places).to(mean.device)][: 2 * pairs].view(2, pairs, 1, -1)
        t = torch.linspace(0, 1, STEPS, device=mean.device).view(1, -1, 1)
        images = to_uint8(evaluation.decode(((1 - t) * first + t * last).flatten(0, 1)))
        between = images.reshape(pairs, STEPS, *images.shape[1:])
        originals = to_uint8(ends)[: 2 * pairs].reshape(2, pairs, 1, *images.shape[1:])
        return ImageTable(
            np.concatenate([originals[0], between, originals[1]], axis=1),
            "Interpolations: images decoded between the mean codes of two test images",
            tuple(f"pair {pair + 1}" for pair in range(pairs)),
            ("image A", *(f"{100 * share:.0f} %" for share in np.linspace(0, 1, STEPS)), "image B"),
        )

    def explain_absence(self, evaluation: Evaluation) -> str:
        return "" if len(evaluation.examples("test")) > 1 else "there are no two test images"


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"interpolations": Interpolations}
