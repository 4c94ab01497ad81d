"""The interfaces of the scientific plugins. Settings go to the constructor, data to the call.

A plugin is usually one frozen dataclass in a file of its own, returned by the hook of its kind (`hookspecs.py`).
A setting annotated with an interface, such as `divergence: Divergence`, is itself a plugin chosen by name.
Executors and reporters have theirs in `vimae_bench.execution`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor, nn

from ..core.results import Estimate, Measure
from ..data.types import Splits
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Posterior, PosteriorFamily
from ..models.priors import Prior
from ..storage.picture_data import BarChart, ImageTable, ScatterPlot
from .evaluation import Evaluation


@dataclass(frozen=True)
class Batch:
    """A batch of a training step: images x [B, C, H, W] in network units, and progress, a scalar from 0 to 1.

    `dataset_size` is the number of training images that the batch is drawn from.
    """

    x: Tensor
    progress: Tensor
    dataset_size: int


@dataclass(frozen=True)
class Loss:
    """The scalar to minimise, and named scalar terms to be logged.

    Sums over pixels and over latent dimensions, means over the batch: never a mean over pixels or latents.
    """

    total: Tensor
    terms: Mapping[str, Tensor]


@dataclass(frozen=True)
class OptimizerStep:
    """An optimiser step that is made on every batch: its loss, and the modules of the model that it trains.

    `modules` are names among `encoder`, `decoder`, `prior` and `auxiliary`.
    """

    loss: "Callable[[Autoencoder, Batch], Loss]"
    modules: tuple[str, ...] = ("encoder", "decoder", "prior", "auxiliary")
    learning_rate: float | None = None
    """None: the run's own."""


@dataclass(frozen=True)
class DivergenceContext:
    """What a divergence receives in addition to the codes and the prior."""

    posterior: Posterior
    """q(z|x) of the B images of the batch, of which each code is one draw."""
    critic: nn.Module
    """The network of `Divergence.critic`; an empty module where there is none."""


@dataclass(frozen=True)
class Critic:
    """A network by which a divergence is estimated. It is trained too, in an optimiser step of its own."""

    make: Callable[[ModelSpec], nn.Module]
    """Makes the network; its initial weights are drawn from the global generator."""
    loss: Callable[[Tensor, Prior, nn.Module], Tensor]
    """What the network minimises for codes z [B, d]: `loss(z, prior, network)`, a scalar."""
    learning_rate: float


class Divergence(ABC):
    """A divergence of q(z), the aggregated posterior, from p(z), estimated from the codes of a batch."""

    @abstractmethod
    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        """What the encoder minimises for codes z [B, d]: a scalar, differentiable in z.

        No `.item()`, no branch on data: a step has to compile into one graph.
        """

    def check(self, prior: Prior, family: PosteriorFamily) -> None:  # noqa: B027
        """Raise ValueError, with what would fit, for a prior or posteriors that the divergence is not defined for.

        Called before anything is trained. Unless overridden, everything is accepted.
        """

    def smallest_batch(self) -> int:
        """The fewest codes that it is defined for; smaller batches are refused before anything is trained."""
        return 1

    def critic(self) -> Critic | None:
        """The network by which the divergence is estimated; None unless overridden."""
        return None


class Architecture(Protocol):
    """Makes the encoder and the decoder of a model.

    The encoder maps x [B, C, H, W] to a tuple of `heads` tensors [B, d]; the decoder maps z [B, d] to images
    [B, C, H, W] in the pixel range of the spec. Weights are drawn from the global generator; make the first head
    before the others, so that the weights that are shared do not depend on the number of heads. Each call makes new
    modules: one that is kept would carry its weights from one training into the next, and is refused. Raise ValueError
    with a message for images that are not supported.
    """

    def encoder(self, spec: ModelSpec, heads: int, /) -> nn.Module: ...
    def decoder(self, spec: ModelSpec, /) -> nn.Module: ...


class Objective(ABC):
    """A training objective: the posterior that is trained, and the loss of a batch."""

    version: ClassVar[int] = 1
    """Increase it when the arithmetic changes, so that finished runs are known to be outdated."""
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
        """Raise ValueError, with what would fit, for a model (its prior, its spec) that cannot be trained like this.

        Called before anything is trained; only shapes and types may be used, as the weights have no values.
        """

    def smallest_batch(self) -> int:
        """The fewest images that its loss is defined for; smaller batches are refused before anything is trained."""
        return 1

    def auxiliary(self, spec: ModelSpec) -> nn.Module:  # noqa: ARG002
        """The objective's own trained modules, later at `model.auxiliary`: a discriminator, a learned variance."""
        return nn.Module()

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The optimiser steps made on every batch, in order; an adversarial objective has two."""
        return (OptimizerStep(self),)


class Metric(ABC):
    """Measures of a trained model."""

    version: ClassVar[int] = 1
    """Increase it when the arithmetic changes, so that runs are measured again."""
    changes: ClassVar[tuple[str, ...]] = ()
    """What each version changed, from the second on, in a few words such as `images are drawn at random`."""
    estimator: ClassVar[str] = ""
    """How the values are estimated, in a line for the reference page."""
    bias: ClassVar[str] = ""
    """The bias of the estimator, and of which sign it is where it is known."""
    source: ClassVar[str] = ""
    """The paper and equation, or the repository."""
    use_for: ClassVar[str] = ""
    """When to choose it, for the overview of metrics, in a few words such as `samples of colour images`."""

    def check(self, splits: "Splits", spec: ModelSpec) -> None:  # noqa: B027
        """Raise ValueError, with what would fit, for data that cannot be measured: labels or factors missing.

        Called before anything is trained. A measure that a trained model does not define is left out instead.
        """

    slow: ClassVar[bool] = False
    """Whether a model may take minutes: `vimae-bench plan` then says how long, which means loading torch first."""

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        """About how many seconds a model takes on one core (`cpu`) or a GPU (`cuda`); more than 60 are reported."""
        return 0.0

    @abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """What is measured, in the order of the leaderboard's columns."""

    @abstractmethod
    def __call__(self, evaluation: "Evaluation") -> Mapping[str, Estimate]:
        """An estimate for each measure that is defined for this model, by the measure's name.

        Model, images and whatever else it is given are its own: other metrics see no change of them. One that changes
        the model's weights fails.
        """

    def references(
        self,
        splits: "Splits",  # noqa: ARG002
        spec: ModelSpec,  # noqa: ARG002
        dataset: str,  # noqa: ARG002
    ) -> Mapping[str, Mapping[str, Estimate]]:
        """What methods without training reach on the same data, by row label and measure: raw pixels, PCA."""
        return {}


class Picture(ABC):
    """A picture of a trained model: images in rows and columns, points, or bars.

    It is made once, when the run is trained, and kept with the run as data, from which reports draw it for all methods
    side by side. So that methods can be compared, take the same images for all of them (`choose_places` of
    `vimae_bench.data`) and the same noise (`Evaluation.paired_prior_samples`).
    """

    @abstractmethod
    def __call__(self, evaluation: "Evaluation") -> ImageTable | ScatterPlot | BarChart:
        """What the picture shows. It should take about a second and, compressed, less than 50 kB."""

    def explain_absence(self, evaluation: "Evaluation") -> str:  # noqa: ARG002
        """Why a model has no such picture, such as "it has 8 latent dimensions, not 2"; empty if it has one."""
        return ""
