"""How long metrics will take, reported before anything begins."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from ..core.errors import BenchError
from ..core.spec import MatrixEntry, PluginSpec
from ..data.prepare import open_splits
from ..data.types import Dataset
from ..models.model_spec import ModelSpec
from ..plugin import registry
from ..plugin.interfaces import Metric

LONG_SECONDS = 60.0
"""Seconds of one model below which nothing is said."""


def list_long_metrics(entries: Sequence[MatrixEntry], data: Path, device: str) -> Iterator[str]:
    """A line for each metric that takes more than a minute a model, on `device` (`auto`: a GPU if there is one).

    A data set that is not prepared yet is passed over, since the size of its images is not known.
    """
    kind = "cpu" if device == "cpu" or not torch.cuda.is_available() else "cuda"
    groups: dict[tuple[str, str, int], tuple[PluginSpec, PluginSpec, list[MatrixEntry]]] = {}
    for entry in entries:
        for metric in entry.metrics:
            key = metric.key, entry.run.dataset.key, entry.run.latent
            groups.setdefault(key, (metric, entry.run.dataset, []))[2].append(entry)
    for metric, dataset, measured in groups.values():
        seconds = _estimate_seconds(metric, dataset, measured[0].run.latent, data, kind)
        if seconds > LONG_SECONDS:
            n, where = len(measured), "a core" if kind == "cpu" else "a GPU"
            each, total = _format_duration(seconds), _format_duration(seconds * n)
            yield f"{metric.name} on {dataset.title} takes about {each} a model on {where}, {total} for {n} models"


def _estimate_seconds(metric: PluginSpec, dataset: PluginSpec, latent: int, data: Path, kind: str) -> float:
    try:
        source: Dataset = registry.make_plugin("dataset", dataset)
        spec = ModelSpec(open_splits(source, data).shape, latent, source.pixel_range)
        made: Metric = registry.make_plugin("metric", metric)
    except BenchError:
        return 0.0
    return made.cost(spec, kind)


def _format_duration(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
