"""The hooks by which plugins enter: one for each kind, all of one shape. Built-ins and strangers use the same door.

A plugin is a module named in the entry-point group `vimae_bench`:

    [project.entry-points.vimae_bench]
    swae = "vimae_bench_swae"
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ..data.types import Dataset
    from ..execution.interfaces import Executor, Reporter
    from .interfaces import Architecture, Divergence, Metric, Objective, Prior

ENTRY_POINT_GROUP = "vimae_bench"
hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)


@hookspec
def vimae_priors() -> "Mapping[str, Callable[..., Prior]]":  # pyright: ignore[reportReturnType]
    """Priors over the latent space, by name."""


@hookspec
def vimae_divergences() -> "Mapping[str, Callable[..., Divergence]]":  # pyright: ignore[reportReturnType]
    """Divergences of a sample of the aggregated posterior from a prior, by name."""


@hookspec
def vimae_architectures() -> "Mapping[str, Callable[..., Architecture]]":  # pyright: ignore[reportReturnType]
    """Pairs of encoder and decoder, by name."""


@hookspec
def vimae_objectives() -> "Mapping[str, Callable[..., Objective]]":  # pyright: ignore[reportReturnType]
    """Training objectives, by name."""


@hookspec
def vimae_metrics() -> "Mapping[str, Callable[..., Metric]]":  # pyright: ignore[reportReturnType]
    """Metrics of a trained model, by name."""


@hookspec
def vimae_datasets() -> "Mapping[str, Callable[..., Dataset]]":  # pyright: ignore[reportReturnType]
    """Data sets, by name."""


@hookspec
def vimae_executors() -> "Mapping[str, Callable[..., Executor]]":  # pyright: ignore[reportReturnType]
    """Ways to carry out runs, by name."""


@hookspec
def vimae_reporters() -> "Mapping[str, Callable[..., Reporter]]":  # pyright: ignore[reportReturnType]
    """Places to tell of runs, by name."""


HOOKS = {
    "prior": "vimae_priors",
    "divergence": "vimae_divergences",
    "architecture": "vimae_architectures",
    "objective": "vimae_objectives",
    "metric": "vimae_metrics",
    "dataset": "vimae_datasets",
    "executor": "vimae_executors",
    "reporter": "vimae_reporters",
}
"""Each kind of plugin with the hook that collects it."""
