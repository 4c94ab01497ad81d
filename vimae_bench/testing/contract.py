"""A check of a contract: what holds for every plugin of a kind."""

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
    """A plugin refuses the model that it would be checked with, so that nothing is known about it."""


class NotApplicable(Exception):
    """A check does not apply to a plugin, or cannot run on this machine; the text says why."""


@dataclass(frozen=True)
class Check:
    """`test(plugin)` raises ContractError with what was expected and what was found, or NotApplicable."""

    name: str
    summary: str
    test: Callable[[Any], None]

    def apply_to(self, make: Callable[[Any], Any]) -> "Check":
        """The same check of what `make` makes from a plugin."""

        def test(plugin: Any) -> None:  # noqa: ANN401
            self.test(make(plugin))

        return replace(self, test=test)


def check(test: Callable[[Any], None]) -> Check:
    """The check that a function makes, with its name and the first line of its docstring."""
    return Check(test.__name__, str(test.__doc__).strip().split("\n")[0], test)


def require(condition: bool, message: str) -> None:
    """Raises ContractError with the message, which says what was found, if the condition is false."""
    __tracebackhide__ = True  # pytest then shows the check
    if not condition:
        raise ContractError(message)


def call_with_seed(seed: int, function: Callable[[], T]) -> T:
    """The result of `function`, called with the CPU's global generator at this seed; its state is restored after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return function()
