"""Measures a trained model: one file for each metric, named by the hash of its settings and version."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from filelock import Timeout

from ..core.canonical import Json, is_number
from ..core.errors import BenchError
from ..core.results import Estimate
from ..core.spec import PluginSpec
from ..plugin import registry
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Metric
from ..storage.atomic import write_json
from ..storage.locks import make_lock
from ..storage.plain_files import is_there, make_folder_of


def measure_model(evaluation: Evaluation, metric_spec: PluginSpec, path: Path) -> None:
    """Measure a model and write a file of it. Raises BenchError for a metric that does not give what it announces."""
    began = time.perf_counter()
    metric: Metric = registry.make_plugin("metric", metric_spec)
    estimates = {name: estimate.as_json() for name, estimate in compute_estimates(metric, evaluation).items()}
    seconds = round(time.perf_counter() - began, 3)
    write_json(path, {**_metric_head(metric_spec, metric), "estimates": estimates, "seconds": seconds})


def compute_estimates(metric: Metric, evaluation: Evaluation) -> Mapping[str, Estimate]:
    """What a metric gives of a model. Raises BenchError where that is not what it announces."""
    return _check_estimates(metric, metric(evaluation))


def measure_baselines(evaluation: Evaluation, metric_spec: PluginSpec, path: Path, dataset: PluginSpec) -> None:
    """Measure once what methods without training reach on the same data, unless another worker is at it."""
    make_folder_of(path)
    try:
        with make_lock(path.with_suffix(".lock"), 0):
            if not is_there(path):
                metric: Metric = registry.make_plugin("metric", metric_spec)
                rows = metric.references(evaluation.splits, evaluation.spec, evaluation.dataset)
                checked = {
                    label: {name: estimate.as_json() for name, estimate in _check_estimates(metric, row).items()}
                    for label, row in rows.items()
                }
                where = {"dataset": dataset.as_json(), "latent": evaluation.spec.latent}
                write_json(path, {**where, **_metric_head(metric_spec, metric), "rows": checked})
    except Timeout:
        return


def _metric_head(metric_spec: PluginSpec, metric: Metric) -> Json:
    origin = {"metric": metric_spec.name, "version": metric_spec.version}
    return {
        "metric": metric_spec.as_json(),
        "measures": [asdict(measure) | origin for measure in metric.measures()],
    }


def _check_estimates(metric: Metric, estimates: Mapping[str, Estimate]) -> Mapping[str, Estimate]:
    """Raises BenchError for a measure the metric did not announce or a value that is not a number."""
    known = {measure.name for measure in metric.measures()}
    for name, estimate in estimates.items():
        if name not in known:
            raise BenchError(f"gave '{name}', which its measures() do not name")
        if not is_number(float(estimate.value)):
            raise BenchError(f"'{name}' is {estimate.value}; a measure that is not defined has to be left out")
    return estimates
