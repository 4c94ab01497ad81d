"""Contract checks for authors of plugins: as pytest tests, as one function call, or as a report.

A contract is what holds for every plugin of a kind (a density integrates to 1, every trained parameter gets a
gradient); it says nothing about how good a plugin is.

    test_contract = contract_tests(Capacity)    # a test for each check
    check_objective(Capacity(nats=5.0))         # raises ContractError for the first check that fails
"""

from ..engine.build import make_autoencoder
from .checks import (
    CONTRACTS,
    CheckResult,
    check_architecture,
    check_dataset,
    check_divergence,
    check_executor,
    check_metric,
    check_objective,
    check_picture,
    check_prior,
    check_reporter,
    run_checks,
)
from .contract import Check, ContractError, NotApplicable, Unsupported
from .fixtures import ReconstructionObjective, example_batch, example_evaluation, example_model
from .pytest_tests import contract_tests

__all__ = [
    "CONTRACTS",
    "Check",
    "CheckResult",
    "ContractError",
    "NotApplicable",
    "ReconstructionObjective",
    "Unsupported",
    "check_architecture",
    "check_dataset",
    "check_divergence",
    "check_executor",
    "check_metric",
    "check_objective",
    "check_picture",
    "check_prior",
    "check_reporter",
    "contract_tests",
    "example_batch",
    "example_evaluation",
    "example_model",
    "make_autoencoder",
    "run_checks",
]
