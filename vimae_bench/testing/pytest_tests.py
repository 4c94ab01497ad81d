"""The contract of a plugin as a pytest test, with a case for each check."""

import sys
from collections.abc import Callable
from functools import partial

from ..core.errors import BenchError
from ..plugin.hookspecs import HOOKS
from .checks import CONTRACTS
from .contract import Check, NotApplicable, Unsupported


def contract_tests(plugin: object, kind: str = "") -> Callable[[Check], None]:
    """A parametrised test that runs each check of a plugin's kind; assign it to a name that begins with `test_`.

    `plugin` is a class, which is checked with its default settings, or an instance made with others; for a prior with
    other settings, `partial(Class, setting=value)`. The kind, unless given, is that of the hook which offers the class
    in the module where it is defined; raises BenchError where there is none.
    """
    import pytest  # which is installed where tests are run

    kind = kind or _find_kind(plugin)
    checks = CONTRACTS[kind]

    @pytest.mark.parametrize("check", checks, ids=[check.name for check in checks])
    def test_contract(check: Check) -> None:
        __tracebackhide__ = True
        try:
            # The class of a prior is the plugin itself.
            check.test(plugin() if isinstance(plugin, type) and kind != "prior" else plugin)
        except (NotApplicable, Unsupported) as reason:
            pytest.skip(str(reason))

    return test_contract


def _find_kind(plugin: object) -> str:
    made = plugin.func if isinstance(plugin, partial) else plugin
    offered = made if isinstance(made, type) else type(made)
    module = sys.modules[offered.__module__]
    for kind, hook in HOOKS.items():
        if hasattr(module, hook) and offered in getattr(module, hook)().values():
            return kind
    name = offered.__name__
    raise BenchError(f"no hook of {module.__name__} offers {name}; write contract_tests({name}, kind='objective')")
