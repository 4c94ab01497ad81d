"""Compares autoencoder objectives. These are the names a plugin needs; it imports nothing else of the harness.
For notebooks and scripts there are `load`, `train` and `beside`.

They are loaded when first asked for, so that commands which train nothing need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adversary import AdversarialDivergence as AdversarialDivergence
    from .adversary import AdversarialJS as AdversarialJS
    from .adversary import DivergenceObjective as DivergenceObjective
    from .adversary import PosteriorDivergence as PosteriorDivergence
    from .adversary import nowhere_zero as nowhere_zero
    from .cache import content as content
    from .cache import kept as kept
    from .corruption import Corruption as Corruption
    from .corruption import corrupted as corrupted
    from .download import counted as counted
    from .download import fetch as fetch
    from .engine.sampling import Source as Source
    from .engine.trial import Trial as Trial
    from .errors import BenchError as BenchError
    from .errors import DataError as DataError
    from .frechet import Moments as Moments
    from .frechet import frechet_distance as frechet_distance
    from .frechet import frechet_estimate as frechet_estimate
    from .generated import Features as Features
    from .generated import RealSide as RealSide
    from .generated import SampleDistance as SampleDistance
    from .hooks import hookimpl as hookimpl
    from .inception import INCEPTION_SECONDS as INCEPTION_SECONDS
    from .inception import ORIGINAL_INCEPTION as ORIGINAL_INCEPTION
    from .inception import InceptionLayer as InceptionLayer
    from .inception import NoWeights as NoWeights
    from .inception import inception_network as inception_network
    from .information import information_of_labels as information_of_labels
    from .information import mutual_information as mutual_information
    from .kinds import Architecture as Architecture
    from .kinds import Arrays as Arrays
    from .kinds import Batch as Batch
    from .kinds import Dataset as Dataset
    from .kinds import Divergence as Divergence
    from .kinds import Examples as Examples
    from .kinds import Frame as Frame
    from .kinds import Heads as Heads
    from .kinds import Loss as Loss
    from .kinds import Metric as Metric
    from .kinds import Objective as Objective
    from .kinds import PixelRange as PixelRange
    from .kinds import Prior as Prior
    from .kinds import PriorDistribution as PriorDistribution
    from .kinds import Splits as Splits
    from .kinds import Step as Step
    from .kinds import mean_estimate as mean_estimate
    from .kinds import squared_error as squared_error
    from .likelihood import GaussianDecoder as GaussianDecoder
    from .likelihood import noise_variance as noise_variance
    from .likelihood import random_images as random_images
    from .mmd import KernelName as KernelName
    from .mmd import Statistic as Statistic
    from .mmd import kernel_matrix as kernel_matrix
    from .mmd import median_bandwidth as median_bandwidth
    from .mmd import mmd2 as mmd2
    from .mmd import squared_distances as squared_distances
    from .model import Autoencoder as Autoencoder
    from .notebook.loaded import beside as beside
    from .notebook.loaded import load as load
    from .notebook.training import train as train
    from .posterior import Deterministic as Deterministic
    from .posterior import FixedGaussian as FixedGaussian
    from .posterior import Flow as Flow
    from .posterior import FlowedGaussian as FlowedGaussian
    from .posterior import FlowPosterior as FlowPosterior
    from .posterior import Gaussian as Gaussian
    from .posterior import GaussianPosterior as GaussianPosterior
    from .posterior import NoisedDeterministic as NoisedDeterministic
    from .posterior import PointPosterior as PointPosterior
    from .posterior import Posterior as Posterior
    from .posterior import PosteriorFamily as PosteriorFamily
    from .posterior import PushForwardPosterior as PushForwardPosterior
    from .posterior import TruncatedNormal as TruncatedNormal
    from .probes import Codes as Codes
    from .probes import accuracy_over_draws as accuracy_over_draws
    from .probes import check_labelled as check_labelled
    from .probes import choose_labelled as choose_labelled
    from .probes import drawn_codes as drawn_codes
    from .probes import linear_machine as linear_machine
    from .probes import mean_codes as mean_codes
    from .probes import plain_codes as plain_codes
    from .probes import rbf_machine as rbf_machine
    from .records import Cell as Cell
    from .records import Choice as Choice
    from .records import Estimate as Estimate
    from .records import Event as Event
    from .records import Measure as Measure
    from .records import Order as Order
    from .records import Run as Run
    from .records import Training as Training
    from .seeds import derive as derive
    from .streams import Executor as Executor
    from .streams import Reporter as Reporter

_HOMES = {
    "adversary": "AdversarialDivergence AdversarialJS DivergenceObjective PosteriorDivergence nowhere_zero",
    "cache": "content kept",
    "corruption": "Corruption corrupted",
    "download": "counted fetch",
    "engine.sampling": "Source",
    "engine.trial": "Trial",
    "errors": "BenchError DataError",
    "frechet": "Moments frechet_distance frechet_estimate",
    "generated": "Features RealSide SampleDistance",
    "hooks": "hookimpl",
    "information": "information_of_labels mutual_information",
    "inception": "INCEPTION_SECONDS InceptionLayer NoWeights ORIGINAL_INCEPTION inception_network",
    "kinds": "Architecture Arrays Batch Dataset Divergence Examples Frame Heads Loss Metric Objective "
    "PixelRange Prior PriorDistribution Splits Step mean_estimate squared_error",
    "likelihood": "GaussianDecoder noise_variance random_images",
    "mmd": "KernelName Statistic kernel_matrix median_bandwidth mmd2 squared_distances",
    "model": "Autoencoder",
    "notebook.loaded": "beside load",
    "notebook.training": "train",
    "posterior": "Deterministic FixedGaussian Flow FlowedGaussian FlowPosterior Gaussian GaussianPosterior "
    "NoisedDeterministic PointPosterior Posterior PosteriorFamily PushForwardPosterior TruncatedNormal",
    "probes": "Codes accuracy_over_draws check_labelled choose_labelled drawn_codes linear_machine mean_codes "
    "plain_codes rbf_machine",
    "records": "Cell Choice Estimate Event Measure Order Run Training",
    "seeds": "derive",
    "streams": "Executor Reporter",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
