"""The contracts of the kinds, for a plugin's author: as tests of pytest's, as checks of one line, or as a report.

They are laws that hold for any plugin of the kind (a density integrates to 1, every trained parameter gets a
gradient), not judgements of its quality.

    test_contract = contract_tests(Capacity)    # a test for each law
    check_objective(Capacity(nats=5.0))         # raises ContractError for the first that does not hold
"""

from ..engine.build import make_autoencoder as make_autoencoder
from .checks import CONTRACTS as CONTRACTS
from .checks import CheckResult as CheckResult
from .checks import check_architecture as check_architecture
from .checks import check_dataset as check_dataset
from .checks import check_divergence as check_divergence
from .checks import check_executor as check_executor
from .checks import check_metric as check_metric
from .checks import check_objective as check_objective
from .checks import check_prior as check_prior
from .checks import check_reporter as check_reporter
from .checks import run_checks as run_checks
from .contract import Check as Check
from .contract import ContractError as ContractError
from .contract import NotApplicable as NotApplicable
from .contract import Unsupported as Unsupported
from .fixtures import Plain as Plain
from .fixtures import example_batch as example_batch
from .fixtures import example_evaluation as example_evaluation
from .fixtures import example_model as example_model
from .pytest_tests import contract_tests as contract_tests
