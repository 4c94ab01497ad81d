"""The contract of a plugin as a test of pytest's, one for each law."""

import sys
from collections.abc import Callable

from ..core.errors import BenchError
from ..plugin.hookspecs import HOOKS
from .checks import CONTRACTS
from .contract import Check, NotApplicable, Unsupported


def contract_tests(plugin: object, kind: str = "") -> Callable[[Check], None]:
    """A parametrised test that holds a plugin to each law of its kind; to be kept under a name with `test_`.

    `plugin` is a class, tried at its default settings, or a plugin made with others. Its kind, unless given, is that
    of the hook which offers the class in the module it is written in; raises BenchError where there is none.
    """
    import pytest  # which is there where tests are

    laws = CONTRACTS[kind or _kind_of(plugin)]

    @pytest.mark.parametrize("check", laws, ids=[check.name for check in laws])
    def test_contract(check: Check) -> None:
        __tracebackhide__ = True
        try:
            check.test(plugin() if isinstance(plugin, type) else plugin)
        except (NotApplicable, Unsupported) as reason:
            pytest.skip(str(reason))

    return test_contract


def _kind_of(plugin: object) -> str:
    offered = plugin if isinstance(plugin, type) else type(plugin)
    module = sys.modules[offered.__module__]
    for kind, hook in HOOKS.items():
        if hasattr(module, hook) and offered in getattr(module, hook)().values():
            return kind
    name = offered.__name__
    raise BenchError(f"no hook of {module.__name__} offers {name}; say contract_tests({name}, kind='objective')")
