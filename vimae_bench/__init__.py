"""Compares autoencoder objectives. These are the names a plugin needs; it imports nothing else of the harness.

They are loaded when first asked for, so that commands which train nothing need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .corruption import Corruption as Corruption
    from .corruption import corrupted as corrupted
    from .download import fetch as fetch
    from .engine.sampling import Source as Source
    from .engine.trial import Trial as Trial
    from .errors import BenchError as BenchError
    from .errors import DataError as DataError
    from .hooks import hookimpl as hookimpl
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
    from .mmd import KernelName as KernelName
    from .mmd import Statistic as Statistic
    from .mmd import kernel_matrix as kernel_matrix
    from .mmd import mmd2 as mmd2
    from .model import Autoencoder as Autoencoder
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
    "corruption": "Corruption corrupted",
    "download": "fetch",
    "engine.sampling": "Source",
    "engine.trial": "Trial",
    "errors": "BenchError DataError",
    "hooks": "hookimpl",
    "kinds": "Architecture Arrays Batch Dataset Divergence Examples Frame Heads Loss Metric Objective "
    "PixelRange Prior PriorDistribution Splits Step mean_estimate squared_error",
    "mmd": "KernelName Statistic kernel_matrix mmd2",
    "model": "Autoencoder",
    "posterior": "Deterministic FixedGaussian Flow FlowedGaussian FlowPosterior Gaussian GaussianPosterior "
    "NoisedDeterministic PointPosterior Posterior PosteriorFamily PushForwardPosterior TruncatedNormal",
    "probes": "Codes accuracy_over_draws check_labelled choose_labelled drawn_codes mean_codes plain_codes "
    "rbf_machine",
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
