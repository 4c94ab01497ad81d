"""The names that authors of plugins import from `vimae_bench.plugin`."""

from ..core.errors import BenchError, DataError
from ..core.results import Estimate, Measure
from ..core.seeds import derive
from ..data.types import Arrays, Dataset, Examples, PixelRange, Splits
from ..models.types import Frame
from .adversarial import AdversarialDivergence, AdversarialJS, DivergenceObjective, PosteriorDivergence, nowhere_zero
from .evaluation import Trial
from .hookspecs import hookimpl
from .interfaces import Architecture, Batch, Divergence, Loss, Metric, Objective, Prior, Step
from .latent_sampling import Source

__all__ = [
    "AdversarialDivergence",
    "AdversarialJS",
    "Architecture",
    "Arrays",
    "Batch",
    "BenchError",
    "DataError",
    "Dataset",
    "Divergence",
    "DivergenceObjective",
    "Estimate",
    "Examples",
    "Frame",
    "Loss",
    "Measure",
    "Metric",
    "Objective",
    "PixelRange",
    "PosteriorDivergence",
    "Prior",
    "Source",
    "Splits",
    "Step",
    "Trial",
    "derive",
    "hookimpl",
    "nowhere_zero",
]
