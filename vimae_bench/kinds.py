"""The eight kinds of plugin. Settings go to the constructor, data to the call.

A plugin is usually one frozen dataclass in a file of its own, handed over by the hook of its kind (`hooks.py`).
A setting annotated with a kind, such as `divergence: Divergence`, is itself a plugin chosen by name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .posterior import Posterior, PosteriorFamily
from .records import Estimate, Measure
from .streams import Executor as Executor
from .streams import Reporter as Reporter

if TYPE_CHECKING:
    from .engine.trial import Trial
    from .model import Autoencoder

PixelRange = Literal["unit", "sym"]
"""What the network sees: `unit` is [0, 1] and decodes through a sigmoid, `sym` is [-1, 1] and decodes through tanh."""


@dataclass(frozen=True)
class Frame:
    """What an architecture has to fit: images of `shape` (C, H, W), `latent` dimensions, the pixels' range."""

    shape: tuple[int, int, int]
    latent: int
    pixel_range: PixelRange = "unit"

    @property
    def pixels(self) -> int:
        """D = C*H*W."""
        channels, height, width = self.shape
        return channels * height * width

    def squash(self) -> nn.Module:
        """What a decoder ends in to stay in the range: a sigmoid for `unit`, a tanh for `sym`."""
        return nn.Sigmoid() if self.pixel_range == "unit" else nn.Tanh()


class Heads(nn.ModuleList):
    """An encoder's heads side by side: features [B, F] to a tuple with what each of them makes of these, [B, d]."""

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(features) for head in self)


@dataclass(frozen=True)
class Batch:
    """What an objective sees in a step: images x [B, C, H, W] in network units, and progress, a scalar from 0 to 1.

    `images` is the number of training images that the batch is a part of; 0 where it was made without telling.
    """

    x: Tensor
    progress: Tensor
    images: int = 0


@dataclass(frozen=True)
class Loss:
    """What an objective gives: the scalar to minimise, and named scalar terms to be logged.

    Sums over pixels and over latent dimensions, means over the batch: never a mean over pixels or latents.
    """

    total: Tensor
    terms: Mapping[str, Tensor]


@dataclass(frozen=True)
class Step:
    """One optimiser step made on every batch: the loss, and which parts of the model it trains.

    The parts are names among `encoder`, `decoder`, `prior` and `auxiliary`.
    """

    loss: "Callable[[Autoencoder, Batch], Loss]"
    trains: tuple[str, ...] = ("encoder", "decoder", "prior", "auxiliary")
    learning_rate: float | None = None
    """None: the run's own."""


class PriorDistribution(nn.Module, ABC):
    """p(z) over d latent dimensions, as a module, so that a learned prior has parameters like any other part."""

    def __init__(self, latent: int):
        super().__init__()
        self.latent = latent
        # Where draws are made, and in which precision: it follows the model.
        self.register_buffer("origin", torch.zeros(()), persistent=False)

    origin: Tensor
    closed_form_kl: ClassVar[bool] = False
    """Whether `kl` is exact for a diagonal Gaussian posterior; else it is estimated from one draw for each image."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """n independent draws [n, d] from the global generator of the device of `origin`, in its precision: float32."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats; z [..., d] gives [...]."""

    def kl(self, q: Posterior, z: Tensor) -> Tensor:
        """KL(q(z|x) || p(z)) for each image, in nats, shape [B]; z [B, d] are draws of q.

        Unless a prior knows better: the one-sample estimate log q(z|x) - log p(z), unbiased.
        Raises TypeError for a posterior without a density, whose KL is infinite.
        """
        log_q = getattr(q, "log_prob", None)
        if log_q is None:
            raise TypeError(f"{type(q).__name__} has no density, so its KL to a prior is infinite")
        return log_q(z) - self.log_prob(z)

    def entropy(self, n: int = 100_000) -> Tensor:
        """h(p) in nats, a scalar. Unless a prior knows it exactly: the mean of -log p over n draws, unbiased."""
        return -torch.cat([self.log_prob(z) for z in self.sample(n).split(10_000)]).mean()


class Prior(Protocol):
    """Makes p(z) for a frame. `encode` gives the posterior of images in network units, for priors made of posteriors.

    `encode` is to be called in the prior's methods, not in its construction.
    """

    def __call__(self, frame: Frame, encode: Callable[[Tensor], Posterior], /) -> PriorDistribution: ...


class Divergence(Protocol):
    """Divergence of a sample z [B, d] of q(z) from p(z): a scalar, differentiable in z."""

    def __call__(self, z: Tensor, prior: PriorDistribution, /) -> Tensor: ...


class Architecture(Protocol):
    """Encoder and decoder for a frame.

    The encoder maps x [B, C, H, W] to a tuple of `heads` tensors [B, d]; the decoder maps z [B, d] to images
    [B, C, H, W] in the frame's range. Weights are drawn from the global generator; the first head is made before
    the others, so that the weights of all that is shared do not depend on how many heads there are.
    Raise ValueError with a message for a frame that cannot be served.
    """

    def encoder(self, frame: Frame, heads: int, /) -> nn.Module: ...
    def decoder(self, frame: Frame, /) -> nn.Module: ...


class Objective(ABC):
    """A training objective. It says which posterior it trains, and gives the loss of a batch, to be minimised."""

    version: ClassVar[int] = 1
    """Raise it when the arithmetic changes, so that finished runs are known to be of the old kind."""
    formula: ClassVar[str] = ""
    """What is minimised, in a line for the reference page."""
    source: ClassVar[str] = ""
    """The paper and equation, or the repository."""
    special_cases: ClassVar[tuple[str, ...]] = ()
    """Which settings make it another objective, a line each."""

    @abstractmethod
    def posterior(self) -> PosteriorFamily:
        """The family of q(z|x)."""

    @abstractmethod
    def __call__(self, model: "Autoencoder", batch: Batch) -> Loss:
        """The loss of one batch. No `.item()`, no branch on data: a step has to compile into one graph."""

    def check(self, model: "Autoencoder") -> None:  # noqa: B027
        """Raise ValueError, with what would fit, for a model (its prior, its frame) that cannot be trained like this.

        Called before anything is trained; only shapes and types are to be looked at, as the weights have no values.
        """

    def auxiliary(self, frame: Frame) -> nn.Module:  # noqa: ARG002
        """Parameters of the objective's own, later at `model.auxiliary`: a discriminator, a learned variance."""
        return nn.Module()

    def steps(self) -> tuple[Step, ...]:
        """The optimiser steps made on every batch, in order; an adversarial objective adds its second player's."""
        return (Step(self),)


class Metric(ABC):
    """Measures of a trained model."""

    version: ClassVar[int] = 1
    """Raise it when the arithmetic changes, so that runs are measured again."""
    estimator: ClassVar[str] = ""
    """How the values are estimated, in a line for the reference page."""
    bias: ClassVar[str] = ""
    """The bias of the estimator, and of which sign it is where it is known."""
    source: ClassVar[str] = ""
    """The paper and equation, or the repository."""

    def check(self, splits: "Splits", frame: Frame) -> None:  # noqa: B027
        """Raise ValueError, with what would fit, for data that cannot be measured: labels or factors missing.

        Called before anything is trained. A measure that a trained model does not define is left out instead.
        """

    slow: ClassVar[bool] = False
    """Whether a model may take minutes: `vimae-bench plan` then says how long, which means loading torch first."""

    def cost(self, frame: Frame, device: str) -> float:  # noqa: ARG002
        """About how many seconds a model takes on one core (`cpu`) or a GPU (`cuda`); more than 60 are told."""
        return 0.0

    @abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """What is measured, in the order of the leaderboard's columns."""

    @abstractmethod
    def __call__(self, trial: "Trial") -> Mapping[str, Estimate]:
        """An estimate for each measure that is defined for this model, by the measure's name."""

    def references(
        self,
        splits: "Splits",  # noqa: ARG002
        frame: Frame,  # noqa: ARG002
        dataset: str,  # noqa: ARG002
    ) -> Mapping[str, Mapping[str, Estimate]]:
        """What methods without training reach on the same data, by row label and measure: raw pixels, PCA."""
        return {}


@dataclass(frozen=True)
class Examples:
    """Images uint8 [N, C, H, W], 0 black and 255 white, often a memory map; labels int64 [N] or None.

    `factors` are what else is known of each image, int64 [N] by name: what it was generated from, or who drew it.
    """

    x: np.ndarray
    y: np.ndarray | None
    factors: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Splits:
    """A data set as a run uses it. Validation images are taken from the training file and never trained on."""

    train: Examples
    validation: Examples
    test: Examples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.x.shape[1:]
        return channels, height, width


@dataclass(frozen=True)
class Arrays:
    """What a data set prepares once: the layout of `vimae-bench data`, before it is written."""

    train: Examples
    test: Examples
    source: str


class Dataset(Protocol):
    """A source of images. The harness keeps what it prepares under `<data>/<folder>` and maps it from there.

    It may have an attribute `tested`, which part of it stands in the place of the test images: `validation`.
    """

    @property
    def folder(self) -> str:
        """The folder of the prepared arrays: below the data root, or absolute."""
        ...

    @property
    def pixel_range(self) -> PixelRange:
        """What the network sees of these images."""
        ...

    @property
    def validation(self) -> int:
        """How many of the last training images are held out."""
        ...

    def prepare(self, scratch: Path, /) -> Arrays:
        """Fetch the originals into `scratch` (an empty folder, removed afterwards) and decode them."""
        ...


def squared_error(x: Tensor, xhat: Tensor) -> Tensor:
    """SSE of each image in the units given: [B, C, H, W] twice gives [B], summed over all C*H*W entries, in float32."""
    return (x.float() - xhat.float()).square().flatten(1).sum(1)


def mean_estimate(x: Tensor) -> Estimate:
    """The mean of n independent values x [n] in float64, with its standard error sd / sqrt(n); none for one value."""
    x = x.double()
    se = float(x.std() / len(x) ** 0.5) if len(x) > 1 else None
    return Estimate(float(x.mean()), len(x), se)
