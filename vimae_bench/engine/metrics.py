"""A trained model measured: one file for each metric, under the metric's own identity."""

import math
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import BenchError
from ..files import write_json
from ..folder import RunFolder
from ..kinds import Metric
from ..plan import registry
from ..records import Choice, Estimate, Json
from .trial import Trial


def measure(trial: Trial, wanted: Sequence[Choice], folder: RunFolder) -> list[str]:
    """Measure what is not measured yet; gives the reasons of the metrics that failed, having measured the others."""
    failures: list[str] = []
    for choice in wanted:
        if not folder.metric(choice).exists():
            folder.tell("measuring", metric=choice.use, time=time.time())
            try:
                _measure(trial, choice, folder.metric(choice))
            except Exception as error:  # a stranger's metric may raise anything, and must not cost the other metrics
                traceback.print_exc()
                failures.append(f"metric '{choice.use}': {error or type(error).__name__}")
    return failures


def _measure(trial: Trial, choice: Choice, path: Path) -> None:
    began = time.perf_counter()
    metric: Metric = registry.make("metric", choice)
    estimates = _checked(metric, metric(trial))
    write_json(
        path, {**_head(choice, metric), "estimates": estimates, "seconds": round(time.perf_counter() - began, 3)}
    )


def refer(trial: Trial, wanted: Sequence[Choice], folder: Path, dataset: Choice) -> None:
    """Measure once what methods without training reach on the same data, unless another worker is at it."""
    for choice in wanted:
        path = reference_path(folder, dataset, trial.frame.latent, choice)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(path.with_suffix(".lock"), timeout=0):
                if not path.exists():
                    metric: Metric = registry.make("metric", choice)
                    rows = metric.references(trial.splits, trial.frame, trial.dataset)
                    checked = {label: _checked(metric, row) for label, row in rows.items()}
                    where = {"dataset": dataset.as_json(), "latent": trial.frame.latent}
                    write_json(path, {**where, **_head(choice, metric), "rows": checked})
        except Timeout:
            continue


def reference_path(folder: Path, dataset: Choice, latent: int, metric: Choice) -> Path:
    """Where the reference rows of one metric on one data set are kept."""
    return folder / f"{dataset.key}-d{latent}-{metric.key}.json"


def _head(choice: Choice, metric: Metric) -> Json:
    return {"metric": choice.as_json(), "measures": [asdict(measure) for measure in metric.measures()]}


def _checked(metric: Metric, estimates: Mapping[str, Estimate]) -> Json:
    """Raises BenchError for a measure the metric did not announce or a value that is not finite."""
    known = {measure.name for measure in metric.measures()}
    for name, estimate in estimates.items():
        if name not in known:
            raise BenchError(f"gave '{name}', which its measures() do not name")
        if not math.isfinite(estimate.value):
            raise BenchError(f"'{name}' is {estimate.value}; a measure that is not defined has to be left out")
    return {name: asdict(estimate) for name, estimate in estimates.items()}
