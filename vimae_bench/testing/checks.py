"""The contract of each kind of plugin, and how it is checked."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..core.errors import BenchError
from ..data.types import Dataset
from ..engine.step.graph import describe_tracing_error
from ..execution.interfaces import Executor, Reporter
from ..models.priors import Prior
from ..plugin.interfaces import Architecture, Divergence, Metric, Objective, Picture
from ..plugin.manager import PLUGIN_ERRORS
from .architectures import ARCHITECTURE
from .contract import Check, NotApplicable, Unsupported
from .datasets import DATASET
from .divergences import DIVERGENCE
from .metrics import METRIC
from .objectives import OBJECTIVE
from .pictures import PICTURE
from .priors import PRIOR
from .streams import EXECUTOR, REPORTER

CONTRACTS: dict[str, tuple[Check, ...]] = {
    "prior": PRIOR,
    "divergence": DIVERGENCE,
    "architecture": ARCHITECTURE,
    "objective": OBJECTIVE,
    "metric": METRIC,
    "picture": PICTURE,
    "dataset": DATASET,
    "executor": EXECUTOR,
    "reporter": REPORTER,
}
"""The checks of each kind of plugin."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one check; `reason` says why it fails or does not apply."""

    check: Check
    status: Literal["ok", "fails", "skipped"]
    reason: str
    seconds: float


def run_checks(kind: str, plugin: object) -> Iterator[CheckResult]:
    """Run each check of a plugin's kind, whether or not others fail.

    Raises Unsupported for an objective whose own `check` refuses a linear model with the prior N(0, I).
    """
    for check in CONTRACTS[kind]:
        start = time.perf_counter()
        status, why = _run_check(check, plugin)
        yield CheckResult(check, status, why, time.perf_counter() - start)


def _run_check(check: Check, plugin: object) -> tuple[Literal["ok", "fails", "skipped"], str]:
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
    _require_all("prior", prior)


def check_divergence(divergence: Divergence) -> None:
    """Raises ContractError for the first check of divergences that fails."""
    _require_all("divergence", divergence)


def check_architecture(architecture: Architecture) -> None:
    """Raises ContractError for the first check of architectures that fails."""
    _require_all("architecture", architecture)


def check_objective(objective: Objective) -> None:
    """Raises ContractError for the first check of objectives that fails.

    Raises Unsupported for an objective whose own `check` refuses a linear model with the prior N(0, I).
    """
    _require_all("objective", objective)


def check_metric(metric: Metric) -> None:
    """Raises ContractError for the first check of metrics that fails."""
    _require_all("metric", metric)


def check_picture(picture: Picture) -> None:
    """Raises ContractError for the first check of pictures that fails."""
    _require_all("picture", picture)


def check_dataset(dataset: Dataset) -> None:
    """Raises ContractError for the first check of data sets that fails."""
    _require_all("dataset", dataset)


def check_executor(executor: Executor) -> None:
    """Raises ContractError for the first check of executors that fails."""
    _require_all("executor", executor)


def check_reporter(reporter: Reporter) -> None:
    """Raises ContractError for the first check of reporters that fails."""
    _require_all("reporter", reporter)


def _require_all(kind: str, plugin: object) -> None:
    for check in CONTRACTS[kind]:
        try:
            check.test(plugin)
        except NotApplicable:
            continue
