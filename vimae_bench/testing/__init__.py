"""The contracts of the kinds, for a plugin's author: as tests of pytest's, as checks of one line, or as a report.

They are laws that hold for any plugin of the kind (a density integrates to 1, every trained parameter gets a
gradient), not judgements of its quality.

    test_contract = contract_tests(Capacity)    # a test for each law
    check_objective(Capacity(nats=5.0))         # raises ContractError for the first that does not hold
"""

from .contracts import CONTRACTS as CONTRACTS
from .contracts import Outcome as Outcome
from .contracts import check_architecture as check_architecture
from .contracts import check_dataset as check_dataset
from .contracts import check_divergence as check_divergence
from .contracts import check_executor as check_executor
from .contracts import check_metric as check_metric
from .contracts import check_objective as check_objective
from .contracts import check_prior as check_prior
from .contracts import check_reporter as check_reporter
from .contracts import examine as examine
from .for_pytest import contract_tests as contract_tests
from .laws import ContractError as ContractError
from .laws import Inapplicable as Inapplicable
from .laws import Law as Law
from .laws import Refusal as Refusal
from .toys import Plain as Plain
from .toys import toy_batch as toy_batch
from .toys import toy_model as toy_model
from .toys import toy_trial as toy_trial
