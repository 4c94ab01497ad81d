"""Claims that are decided by a computation, without any run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClosedFormResult:
    """Whether a claim holds, and sentences with the values that show it."""

    holds: bool
    statements: tuple[str, ...]
