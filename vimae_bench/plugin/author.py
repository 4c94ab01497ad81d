"""The names that authors of plugins import from `vimae_bench.plugin`."""

from ..core.errors import BenchError, DataError
from ..core.results import Estimate, Measure
from ..core.seeds import derive_seed
from ..data.types import Dataset, Examples, PixelRange, PreparedDataset, Splits
from ..models.model_spec import ModelSpec
from ..models.priors import Prior
from ..storage.picture_data import BarChart, ImageTable, ScatterPlot
from .adversarial import AdversarialJS
from .declarations import Preset, RunOption, Schedule
from .divergence_objective import DivergenceObjective
from .evaluation import Evaluation
from .hookspecs import hookimpl
from .interfaces import (
    Architecture,
    Batch,
    Critic,
    Divergence,
    DivergenceContext,
    Loss,
    Metric,
    Objective,
    OptimizerStep,
    Picture,
)
from .latent_sampling import LatentDistribution

__all__ = [
    "AdversarialJS",
    "Architecture",
    "BarChart",
    "Batch",
    "BenchError",
    "Critic",
    "DataError",
    "Dataset",
    "Divergence",
    "DivergenceContext",
    "DivergenceObjective",
    "Estimate",
    "Evaluation",
    "Examples",
    "ImageTable",
    "LatentDistribution",
    "Loss",
    "Measure",
    "Metric",
    "ModelSpec",
    "Objective",
    "OptimizerStep",
    "Picture",
    "PixelRange",
    "PreparedDataset",
    "Preset",
    "Prior",
    "RunOption",
    "ScatterPlot",
    "Schedule",
    "Splits",
    "derive_seed",
    "hookimpl",
]
