"""The contract of each kind, and what comes of a plugin that is held to it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..core.errors import BenchError
from ..data.types import Dataset
from ..engine.step.graph import describe_tracing_error
from ..execution.interfaces import Executor, Reporter
from ..models.priors import Prior
from ..plugin.interfaces import Architecture, Divergence, Metric, Objective
from ..plugin.manager import PLUGIN_ERRORS
from .architectures import ARCHITECTURE
from .contract import Check, NotApplicable, Unsupported
from .datasets import DATASET
from .divergences import DIVERGENCE
from .metrics import METRIC
from .objectives import OBJECTIVE
from .priors import PRIOR
from .streams import EXECUTOR, REPORTER

CONTRACTS: dict[str, tuple[Check, ...]] = {
    "prior": PRIOR,
    "divergence": DIVERGENCE,
    "architecture": ARCHITECTURE,
    "objective": OBJECTIVE,
    "metric": METRIC,
    "dataset": DATASET,
    "executor": EXECUTOR,
    "reporter": REPORTER,
}
"""The laws of each kind of plugin."""


@dataclass(frozen=True)
class CheckResult:
    """What came of one law; `why` tells of one that does not hold, or does not apply."""

    check: Check
    status: Literal["ok", "fails", "skipped"]
    why: str
    seconds: float


def run_checks(kind: str, plugin: object) -> Iterator[CheckResult]:
    """Hold a plugin to each law of its kind, whatever became of those before.

    Raises Unsupported for an objective whose own `check` finds that it does not fit a linear model under N(0, I).
    """
    for check in CONTRACTS[kind]:
        start = time.perf_counter()
        status, why = _outcome(check, plugin)
        yield CheckResult(check, status, why, time.perf_counter() - start)


def _outcome(check: Check, plugin: object) -> tuple[Literal["ok", "fails", "skipped"], str]:
    try:
        check.test(plugin)
    except Unsupported:
        raise
    except NotApplicable as why:
        return "skipped", str(why)
    except PLUGIN_ERRORS as error:
        return "fails", str(error) if isinstance(error, BenchError) else describe_tracing_error(error)
    return "ok", ""


def check_prior(prior: Callable[[int], Prior]) -> None:
    """Raises ContractError for the first check of priors that fails.

    `prior` is the class, or `partial(Class, setting=value)`.
    """
    _check("prior", prior)


def check_divergence(divergence: Divergence) -> None:
    """Raises ContractError for the first law of divergences that does not hold."""
    _check("divergence", divergence)


def check_architecture(architecture: Architecture) -> None:
    """Raises ContractError for the first law of architectures that does not hold."""
    _check("architecture", architecture)


def check_objective(objective: Objective) -> None:
    """Raises ContractError for the first law of objectives that does not hold.

    Raises Unsupported for an objective whose own `check` finds that it does not fit a linear model under N(0, I).
    """
    _check("objective", objective)


def check_metric(metric: Metric) -> None:
    """Raises ContractError for the first law of metrics that does not hold."""
    _check("metric", metric)


def check_dataset(dataset: Dataset) -> None:
    """Raises ContractError for the first law of data sets that does not hold."""
    _check("dataset", dataset)


def check_executor(executor: Executor) -> None:
    """Raises ContractError for the first law of executors that does not hold."""
    _check("executor", executor)


def check_reporter(reporter: Reporter) -> None:
    """Raises ContractError for the first law of reporters that does not hold."""
    _check("reporter", reporter)


def _check(kind: str, plugin: object) -> None:
    for check in CONTRACTS[kind]:
        try:
            check.test(plugin)
        except NotApplicable:
            continue
