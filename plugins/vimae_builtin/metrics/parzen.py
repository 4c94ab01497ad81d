"""The likelihood of test images under kernels put on generated ones: what early work called the likelihood of a GAN."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import log, pi
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, MinLen
from torch import Tensor

from vimae_bench.functional import estimate_crossed_mean, estimate_mean
from vimae_bench.metrics import REAL_IMAGES, draw_images
from vimae_bench.plugin import Estimate, Evaluation, LatentDistribution, Measure, Metric, ModelSpec, Splits, hookimpl

WIDTHS = tuple(hundredths / 100 for hundredths in range(5, 51))
HELD_OUT = 1000
FIXED_WIDTH, SET, SETS = 0.1, 100, 20
BLUR = 1.2
ROWS, COLUMNS = 100, 1000
SMALLEST = -700.0
"""The logarithm below which a kernel adds nothing to the nearest: exp underflows soon after, ten times as slow."""
CAUTION = "rewards blur and does not show how realistic samples are"

Generator = Callable[[LatentDistribution], Tensor]
"""Generated images [n, C, H, W] in [0, 1] units."""


@dataclass(frozen=True)
class Parzen(Metric):
    """Mean of -log (1/n) sum_g N(x; g, s^2 I) over test images x in nats, g being n generated images, in [0, 1] units.

    `nll_parzen_cv`: `samples` generated images and up to `images` test images chosen at random. The width s is that of
    0.05, 0.06, ..., 0.50 with the largest likelihood of up to 1,000 validation images (`parzen width`). A run without
    validation images halves the test images at random: each half is scored at the width that is best for up to 1,000
    images of the other, and `parzen width` is the mean of the two. The standard error is that of the choice of test
    images, the generated ones being given.

    `nll_parzen_s01_n100`: s = 0.1 and sets of 100 generated images, a mean over 20 sets (or as many as `samples` make),
    which all runs share. Its standard error is that of fresh test images and fresh sets.

    Measures of other `sources` than the prior (see `LatentDistribution`) bear their name. The rows below the table are
    what images that need no model reach instead of generated ones. They tell how little the score is worth:
    blurred real images beat the real ones, and the one mean image comes near to them (Theis et al., 1511.01844).
    """

    version: ClassVar[int] = 3
    changes: ClassVar[tuple[str, ...]] = (
        "the sets of nll_parzen_s01_n100 are shared by all runs",
        "without validation images, 1,000 images of each half choose the width for the other",
    )
    estimator: ClassVar[str] = "Parzen windows on generated images; the width is chosen on images that are not scored"
    bias: ClassVar[str] = "upwards: far above the model's own negative log-likelihood in many dimensions; rewards blur"
    source: ClassVar[str] = "1511.01844, section 3.2; Goodfellow et al. 1406.2661"
    use_for: ClassVar[str] = "comparison with old papers only: it rewards blur"

    samples: Annotated[int, Ge(SET)] = 10_000
    images: Annotated[int, Ge(2)] = 10_000
    sources: Annotated[tuple[LatentDistribution, ...], MinLen(1)] = ("prior",)

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            measure
            for source in self.sources
            for measure in (
                Measure(
                    format_name("nll_parzen_cv", source),
                    "nats",
                    "lower",
                    topic="Generation",
                    display_name=format_title("Parzen NLL", source),
                    description=(
                        "Negative log-likelihood of test images under Gaussians around generated ones; favours blur."
                    ),
                    caution=CAUTION,
                ),
                Measure(
                    format_name("nll_parzen_s01_n100", source),
                    "nats",
                    "lower",
                    topic="Generation",
                    display_name=format_title("Parzen NLL of 100", source),
                    description="Parzen NLL from 100 generated images with a width of 0.1, as some papers report it.",
                    caution=CAUTION,
                ),
                Measure(
                    format_name("parzen width", source),
                    "[0,1]",
                    None,
                    topic="Generation",
                    display_name=format_title("Parzen width", source),
                    description="Width of the Gaussians around generated images, chosen on held-out images.",
                ),
            )
        )

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        """Raises ValueError for fewer than 100 training images, or test images that cannot choose the width."""
        if (n := len(splits.train)) < SET:
            raise ValueError(f"parzen: there are {n} training images; its references take {SET} or more")
        if not len(splits.validation) and (n := len(splits.test)) < 2:
            raise ValueError(f"parzen: {n} test image cannot choose the width; 2 or more, or a `validation`, would fit")

    def cost(self, spec: ModelSpec, device: str) -> float:
        rate = 6e9 if device == "cpu" else 3e11  # multiply-adds in float64, and 40 more for each exponential
        return len(self.sources) * self.samples * self.images * (spec.input_size + 100) / rate

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        held_out, test = self._select_images(evaluation.splits, evaluation.dataset, evaluation.device)
        found: dict[str, Estimate] = {}
        for source in self.sources:
            generated = evaluation.generate(self.samples, source).flatten(1)
            sets = [evaluation.generate(SET, source, draw).flatten(1) for draw in range(min(SETS, self.samples // SET))]
            scores = compute_scores(held_out, test, *(x.to(evaluation.device) for x in (generated, torch.stack(sets))))
            found |= {format_name(name, source): value for name, value in scores.items()}
        return found

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:  # noqa: ARG002
        """Training images, the same blurred by 1.2 pixels, and their mean, as if they had been generated."""
        held_out, test = self._select_images(splits, dataset, torch.device("cpu"))
        real = draw_images(splits.train, self.samples, "parzen", dataset)
        rows = {
            REAL_IMAGES: real.flatten(1),
            f"training images blurred by {BLUR} px": blur(real).flatten(1),
            "mean training image": real.mean(0).flatten().expand(SET, -1),
        }
        scores = {row: compute_scores(held_out, test, x, split_sets(x)) for row, x in rows.items()}
        # Sets of real images are no draws of those that models share.
        return {row: {name: replace(e, per_draw=()) for name, e in found.items()} for row, found in scores.items()}

    def _select_images(self, splits: Splits, dataset: str, device: torch.device) -> tuple[Tensor, Tensor]:
        """The images that choose the width and those that are scored, [n, D]; the former may be none."""
        held_out = draw_images(splits.validation, HELD_OUT, "parzen", dataset)
        test = draw_images(splits.test, self.images, "parzen", dataset)
        return held_out.to(device).flatten(1), test.to(device).flatten(1)


def format_title(title: str, source: LatentDistribution) -> str:
    """The name that readers see, with that of the source unless it is the prior."""
    return title if source == "prior" else f"{title} ({source} codes)"


def format_name(measure: str, source: LatentDistribution) -> str:
    """A measure's name, with that of the source unless it is the prior."""
    return measure if source == "prior" else f"{measure} {source}"


def split_sets(generated: Tensor) -> Tensor:
    """Up to 20 sets [sets, 100, D] of images [n, D]."""
    sets = min(SETS, len(generated) // SET)
    return generated[: sets * SET].unflatten(0, (sets, SET))


def compute_scores(held_out: Tensor, test: Tensor, generated: Tensor, sets: Tensor) -> dict[str, Estimate]:
    """The three measures of generated images [n, D] and sets of them [sets, 100, D].

    The images that choose the width [v, D] may be none.
    """
    score = score_with_validation if len(held_out) else score_in_halves
    nll, width = score(held_out, test, generated)
    return {
        "nll_parzen_cv": estimate_mean(nll),
        "nll_parzen_s01_n100": score_sets(test, sets),
        "parzen width": Estimate(width, len(held_out) or len(test)),
    }


def score_with_validation(held_out: Tensor, test: Tensor, generated: Tensor) -> tuple[Tensor, float]:
    """The negative log-density of each test image [m] at the width that is best for the held-out ones; the width."""
    width = WIDTHS[int(log_density(held_out, generated, WIDTHS).mean(1).argmax())]
    return -log_density(test, generated, (width,))[0], width


def score_in_halves(_: Tensor, test: Tensor, generated: Tensor) -> tuple[Tensor, float]:
    """The same where each half of the test images is scored at the width that is best for 1,000 of the other one.

    The images are in a random order, so that every other one is a random half.
    """
    halves = [test[half::2] for half in (0, 1)]
    best = [WIDTHS[int(log_density(half[:HELD_OUT], generated, WIDTHS).mean(1).argmax())] for half in reversed(halves)]
    scores = [-log_density(half, generated, (width,))[0] for half, width in zip(halves, best, strict=True)]
    return torch.cat(scores), (best[0] + best[1]) / 2


def score_sets(test: Tensor, sets: Tensor) -> Estimate:
    """The mean negative log-density at s = 0.1 of test images [m, D] under sets of generated images [sets, 100, D]."""
    return estimate_crossed_mean(-torch.cat([log_density(test, some, (FIXED_WIDTH,)) for some in sets]))


def log_density(x: Tensor, kernels: Tensor, widths: tuple[float, ...]) -> Tensor:
    """log (1/n) sum_g N(x; g, s^2 I) in nats, float64 [len(widths), m], of x [m, D] under kernels [n, D].

    All widths come from one pass over the squared distances.
    """
    n, d = kernels.shape
    density = x.new_empty(len(widths), len(x), dtype=torch.float64)
    for some, into in zip(x.split(ROWS), density.split(ROWS, 1), strict=True):
        distance = squared_distances(some, kernels)
        nearest = distance.amin(1)
        distance -= nearest[:, None]
        kernel = torch.empty_like(distance)
        for s, row in zip(widths, into, strict=True):
            torch.mul(distance, -0.5 / s**2, out=kernel).clamp_(min=SMALLEST).exp_()
            shared = kernel.sum(1).log() - nearest / (2 * s**2)
            row.copy_(shared - log(n) - d / 2 * log(2 * pi * s**2))
    return density


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x - y|^2, float64 [m, n]; y [n, D] is brought to float64 a block at a time, as it may be large."""
    x = x.double()
    distance = x.new_empty(len(x), len(y))
    for some, into in zip(y.split(COLUMNS), distance.split(COLUMNS, 1), strict=True):
        block = some.double()
        into.copy_((x @ block.T).mul_(-2).add_(block.square().sum(1)))
    return distance.add_(x.square().sum(1, keepdim=True)).clamp_(min=0)


def blur(x: Tensor) -> Tensor:
    """Images [N, C, H, W] under a Gaussian blur of 1.2 pixels standard deviation."""
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, BLUR, BLUR)))


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"parzen": Parzen}
