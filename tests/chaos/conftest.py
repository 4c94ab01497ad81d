"""Counts faults, and chooses them by a seed."""

import random
from collections import Counter
from pathlib import Path

import pytest

from helpers.chaos_harness import Scenario

COUNTED = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COUNTED] = Counter()


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Counter[str]:
    """How often each fault occurred; printed at the end of the session."""
    return request.config.stash[COUNTED]


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random choices of faults in this test, determined by `--seed`."""
    return random.Random(f"{request.config.getoption('--seed')} {request.node.name}")


@pytest.fixture
def scenario(tmp_path: Path, undisturbed: Scenario) -> Scenario:
    """The same benchmark as `undisturbed`, not started yet."""
    return Scenario(tmp_path, undisturbed.text, undisturbed.data)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counted = config.stash[COUNTED]
    if counted:
        terminalreporter.section(f"faults, seed {config.getoption('--seed')}")
        for what in sorted(counted):
            terminalreporter.line(f"{counted[what]:6} {what}")
        bad = {what: counted[what] for what in ("finished runs lost", "runs done twice", "tracebacks")}
        terminalreporter.line(", ".join(f"{number} {what}" for what, number in bad.items()))
