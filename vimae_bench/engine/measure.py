"""Measures a trained model: one file for each metric, named by the hash of its settings and version."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeGuard, cast

from filelock import Timeout

from ..core.canonical import Json, is_number
from ..core.errors import BenchError, shorten_text
from ..core.results import Estimate
from ..core.spec import PluginSpec
from ..plugin import registry
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Metric
from ..plugin.isolation import preserve_global_state
from ..storage.atomic import format_json, parse_json_object, write_json
from ..storage.locks import make_lock
from ..storage.metric_file import is_made_from, parse_metric_results, read_made_from
from ..storage.plain_files import is_there, make_folder_of

DescribeOrigin = Callable[[PluginSpec], Json]
"""What the file of a metric says that it is made from and by. Raises DataError if the data are others by now."""


def measure_model(evaluation: Evaluation, metric_spec: PluginSpec, path: Path, describe_origin: DescribeOrigin) -> None:
    """Measure a model and write a file of it. Raises BenchError for a metric that does not give what it announces."""
    began = time.perf_counter()
    metric: Metric = registry.make_plugin("metric", metric_spec)
    estimates = {name: estimate.as_json() for name, estimate in compute_estimates(metric, evaluation).items()}
    seconds = round(time.perf_counter() - began, 3)
    origin = {"made_from": describe_origin(metric_spec)}
    _write_checked(path, {**_metric_head(metric_spec, metric), "estimates": estimates, "seconds": seconds, **origin})


def compute_estimates(metric: Metric, evaluation: Evaluation) -> Mapping[str, Estimate]:
    """What a metric gives of a model, which it cannot change for others.

    Raises BenchError where that is not what it announces, or if it changes the model that it is given.
    """
    with evaluation.isolate() as own:
        estimates = metric(own)
    return _check_estimates(metric, estimates)


def measure_baselines(
    evaluation: Evaluation, metric_spec: PluginSpec, path: Path, dataset: PluginSpec, describe_origin: DescribeOrigin
) -> None:
    """Measure once what methods without training reach on the same data, unless another worker is at it."""
    make_folder_of(path)
    try:
        with make_lock(path.with_suffix(".lock"), 0):
            origin = describe_origin(metric_spec)
            if not has_baselines(path, origin["data"]):
                metric: Metric = registry.make_plugin("metric", metric_spec)
                with preserve_global_state():
                    rows = metric.references(evaluation.splits.copy(), evaluation.spec, evaluation.dataset)
                checked = {
                    label: {name: estimate.as_json() for name, estimate in _check_estimates(metric, row).items()}
                    for label, row in rows.items()
                }
                where = {"dataset": dataset.as_json(), "latent": evaluation.spec.latent}
                head = {**where, **_metric_head(metric_spec, metric)}
                _write_checked(path, {**head, "rows": checked, "made_from": describe_origin(metric_spec)})
    except Timeout:
        return


def has_baselines(path: Path, data: Mapping[str, str]) -> bool:
    """Whether there is a file of baselines that were measured on these data, as far as it says."""
    return is_there(path) and is_made_from(read_made_from(path), data)


def _write_checked(path: Path, content: Json) -> None:
    """Write a metric's file. Raises BenchError for one that could not be read back."""
    try:
        written = parse_json_object(format_json(content).encode())
        parse_metric_results(written or {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BenchError(f"gives what cannot be kept: {error}") from error
    write_json(path, content)


def _metric_head(metric_spec: PluginSpec, metric: Metric) -> Json:
    origin = {"metric": metric_spec.name, "version": metric_spec.version}
    return {
        "metric": metric_spec.as_json(),
        "measures": [asdict(measure) | origin for measure in metric.measures()],
    }


def _check_estimates(metric: Metric, given: object) -> Mapping[str, Estimate]:
    """What a metric gave. Raises BenchError for a measure that it did not announce, and for what is no estimate."""
    known = {measure.name for measure in metric.measures()}
    if not isinstance(given, Mapping):
        raise BenchError(f"gave {shorten_text(given)}, not a mapping of names to Estimates")
    estimates = dict[str, Estimate]()
    for name, estimate in cast("Mapping[str, object]", given).items():
        if name not in known:
            raise BenchError(f"gave '{name}', which its measures() do not name")
        if not isinstance(estimate, Estimate):
            raise BenchError(f"'{name}' is {shorten_text(estimate)}, not an Estimate")
        if problem := _find_problem(estimate.value, estimate.n, estimate.se, estimate.per_draw):
            raise BenchError(f"'{name}' {problem}")
        estimates[name] = estimate
    return estimates


def _find_problem(value: object, n: object, se: object, per_draw: object) -> str:
    """Why an estimate with these fields could not be read back, in words; empty if it can."""
    if not _is_float(value):
        return f"has the value {shorten_text(value)}, which is no float"
    if not is_number(float(value)):
        return f"is {value}; a measure that is not defined has to be left out"
    if type(n) is not int or n < 1:
        return f"is from n = {shorten_text(n)} items; it takes an int of 1 or more"
    if se is not None and not (_is_float(se) and is_number(float(se)) and se >= 0):
        return f"has the standard error {shorten_text(se)}; it takes None, or a float of 0 or more"
    if not isinstance(per_draw, tuple | list):
        return f"has per_draw = {shorten_text(per_draw)}; it takes a tuple of floats"
    wrong = [draw for draw in cast("Sequence[object]", per_draw) if not (_is_float(draw) and is_number(float(draw)))]
    return f"has {shorten_text(wrong[0])} in per_draw; it takes floats" if wrong else ""


def _is_float(value: object) -> TypeGuard[float | int]:
    """Whether a value is a float as JSON has it: of Python, or a float64 of NumPy."""
    return isinstance(value, float | int) and not isinstance(value, bool)
