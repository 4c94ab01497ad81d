"""Hypothesis profiles: few examples in ordinary test runs, 10,000 of each property in `tox -e fuzz`."""

import pytest
from hypothesis import HealthCheck, settings

QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
"""Each example writes its file in `tmp_path` again; slow machines do not fail a property."""

for name, examples in (("ordinary", 50), ("fuzz", 10_000)):
    settings.register_profile(
        name, max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET
    )
settings.load_profile("ordinary")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Ten thousand examples take a minute on an idle machine, and much more on a busy one."""
    if config.getoption("hypothesis_profile") == "fuzz":
        for item in items:
            item.add_marker(pytest.mark.timeout(3600))
