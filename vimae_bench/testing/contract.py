"""A law: what holds for any plugin of a kind, with the test of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch

from ..core.errors import BenchError

T = TypeVar("T")


class ContractError(BenchError):
    """A plugin breaks the contract of its kind."""

    exit_code = 1


class Unsupported(BenchError):
    """A plugin refuses what it would be tried on, and says why: nothing is known of it."""


class NotApplicable(Exception):
    """A law has nothing to say of this plugin, or not on this machine; the text is why."""


@dataclass(frozen=True)
class Check:
    """`test(plugin)` raises ContractError with what was expected and what was found, or NotApplicable."""

    name: str
    says: str
    test: Callable[[Any], None]

    def of(self, part: Callable[[Any], Any]) -> "Check":
        """The same law, of what `part` makes of a plugin."""

        def test(plugin: Any) -> None:  # noqa: ANN401
            self.test(part(plugin))

        return replace(self, test=test)


def check(test: Callable[[Any], None]) -> Check:
    """The law that a function tests, named after it and told in the first line of its docstring."""
    return Check(test.__name__, str(test.__doc__).strip().split("\n")[0], test)


def expect(holds: bool, otherwise: str) -> None:
    """Raises ContractError with what was found where the law does not hold."""
    __tracebackhide__ = True  # pytest then points at the law
    if not holds:
        raise ContractError(otherwise)


def seeded(seed: int, make: Callable[[], T]) -> T:
    """What `make` gives when the CPU's global generator stands at a seed; it is then put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
