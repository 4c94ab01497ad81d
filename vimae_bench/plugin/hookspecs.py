"""The hooks that plugins implement: one for each kind of plugin, and two for presets and schedules.

A plugin is a module that an entry point of the group `vimae_bench` names, also for built-ins:

    [project.entry-points.vimae_bench]
    swae = "vimae_bench_swae"
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ..data.types import Dataset
    from ..execution.interfaces import Executor, Reporter
    from ..models.priors import Prior
    from .declarations import Preset, Schedule
    from .interfaces import Architecture, Divergence, Metric, Objective, Picture

ENTRY_POINT_GROUP = "vimae_bench"
hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)
"""Marks a function of a plugin module as the implementation of the hook of the same name."""


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
def vimae_pictures() -> "Mapping[str, Callable[..., Picture]]":  # pyright: ignore[reportReturnType]
    """Pictures of a trained model, by name. Every run gets all of them, with their default settings."""


@hookspec
def vimae_datasets() -> "Mapping[str, Callable[..., Dataset]]":  # pyright: ignore[reportReturnType]
    """Data sets, by name."""


@hookspec
def vimae_executors() -> "Mapping[str, Callable[..., Executor]]":  # pyright: ignore[reportReturnType]
    """Ways to carry out runs, by name."""


@hookspec
def vimae_reporters() -> "Mapping[str, Callable[..., Reporter]]":  # pyright: ignore[reportReturnType]
    """What follows the runs while they are carried out, by name."""


@hookspec
def vimae_presets() -> "Mapping[str, Preset]":  # pyright: ignore[reportReturnType]
    """Presets of benchmark files, by the name that the key `preset` gives."""


@hookspec
def vimae_schedules() -> "Mapping[str, Schedule]":  # pyright: ignore[reportReturnType]
    """Learning-rate schedules, by the name that the key `training.schedule` gives."""


HOOKS = {
    "prior": "vimae_priors",
    "divergence": "vimae_divergences",
    "architecture": "vimae_architectures",
    "objective": "vimae_objectives",
    "metric": "vimae_metrics",
    "picture": "vimae_pictures",
    "dataset": "vimae_datasets",
    "executor": "vimae_executors",
    "reporter": "vimae_reporters",
}
"""Each kind of plugin with the hook that collects it."""
