"""Whether samples are copies of training images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vimae_bench.data import choose_places, to_uint8
from vimae_bench.plugin import Evaluation, ImageTable, Picture, hookimpl

SAMPLES, TEST_IMAGES, CHUNK_SIZE = 10, 100, 2000
RANKS = ("nearest", "2nd", "3rd")


@dataclass(frozen=True)
class TrainingNeighbours(Picture):
    """Ten samples, and below each the three training images nearest to it, with their distances.

    The distance is the Euclidean one between pixels in [0, 1] units. A model that memorises gives samples whose
    distance is near 0; the title gives the median distance of 100 test images, which no model has memorised. A blurred
    sample is near to many images, so a small distance alone does not show memorisation. The samples are the first of
    the picture `samples`.
    """

    def __call__(self, evaluation: Evaluation) -> ImageTable:
        samples = evaluation.decode(evaluation.paired_prior_samples(80, "samples")[:SAMPLES])
        places = choose_places(len(evaluation.examples("test")), TEST_IMAGES, "training neighbours", evaluation.dataset)
        tests = torch.cat(list(evaluation.images("test", places)))
        nearest, distances = find_neighbours(evaluation, torch.cat([samples, tests]))
        found = evaluation.examples("train").x[nearest[:SAMPLES].T]
        rows = np.concatenate([to_uint8(samples)[None], np.moveaxis(found, 2, -1)])
        median = float(np.median(distances[SAMPLES:, 0]))
        return ImageTable(
            rows,
            "Samples and the training images nearest to them, with the distance (root of the summed squared error); "
            f"the median distance of test images is {median:.3g}",
            ("sample", *RANKS[: len(rows) - 1]),
            tuple(map(str, range(1, SAMPLES + 1))),
            (("",) * SAMPLES, *(tuple(f"{d:.3g}" for d in row) for row in distances[:SAMPLES].T)),
        )


def find_neighbours(evaluation: Evaluation, images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The places of the nearest training images of images [N, C, H, W] in [0, 1] units, and their distances [N, 3]."""
    wanted = images.flatten(1) - 0.5  # smaller numbers, so that fewer digits cancel
    norms = wanted.square().sum(1, keepdim=True)
    best = wanted.new_empty(len(wanted), 0)
    places = torch.empty(len(wanted), 0, dtype=torch.int64, device=wanted.device)
    train = evaluation.examples("train").x
    for start in range(0, len(train), CHUNK_SIZE):
        x = (
            torch.from_numpy(np.array(train[start : start + CHUNK_SIZE])).to(wanted.device).flatten(1).float() / 255
            - 0.5
        )
        squared = norms + x.square().sum(1) - 2 * wanted @ x.T
        best = torch.cat([best, squared], 1)
        places = torch.cat([places, torch.arange(start, start + len(x), device=x.device).expand(len(wanted), -1)], 1)
        best, order = best.topk(min(len(RANKS), best.shape[1]), largest=False)
        places = places.gather(1, order)
    nearest = places.cpu().numpy()
    # Again from the differences: those of near images have no digits left after the subtraction above.
    exact = (train[nearest].astype(np.float32) / 255 - images.cpu().numpy()[:, None]).reshape(*nearest.shape, -1)
    distances = np.sqrt(np.square(exact).sum(-1))
    order = distances.argsort(1, kind="stable")
    return np.take_along_axis(nearest, order, 1), np.take_along_axis(distances, order, 1)


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"training_neighbours": TrainingNeighbours}
