"""The contracts of the kinds, for a plugin's author: as tests of pytest's, as checks of one line, or as a report.

They are laws that hold for any plugin of the kind (a density integrates to 1, every trained parameter gets a
gradient), not judgements of its quality.

    test_contract = contract_tests(Capacity)    # a test for each law
    check_objective(Capacity(nats=5.0))         # raises ContractError for the first that does not hold
"""

from .checks import CONTRACTS as CONTRACTS
from .checks import Outcome as Outcome
from .checks import check_architecture as check_architecture
from .checks import check_dataset as check_dataset
from .checks import check_divergence as check_divergence
from .checks import check_executor as check_executor
from .checks import check_metric as check_metric
from .checks import check_objective as check_objective
from .checks import check_prior as check_prior
from .checks import check_reporter as check_reporter
from .checks import examine as examine
from .contract import ContractError as ContractError
from .contract import Inapplicable as Inapplicable
from .contract import Law as Law
from .contract import Refusal as Refusal
from .fixtures import Plain as Plain
from .fixtures import toy_batch as toy_batch
from .fixtures import toy_model as toy_model
from .fixtures import toy_trial as toy_trial
from .pytest_tests import contract_tests as contract_tests
