"""A data set, and jobs that train briefly on it."""

from dataclasses import replace

import pytest

from helpers.benchmarks import AE, make_benchmark
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.execution import Job, PluginSpec
from vimae_bench.plugin.registry import make_plugin


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    ensure_prepared(make_plugin("dataset", PluginSpec("digits")), root)
    return root


@pytest.fixture
def job(tmp_path, data):
    def made(objective="ae", **changes):
        path = tmp_path / "small.toml"
        path.write_text(make_benchmark(training={"epochs": 2}, method=[AE | {"label": "M", "objective": objective}]))
        (entry,) = list_entries(read_benchmark(path))
        entry = replace(entry, **changes)
        return Job("small", entry, tmp_path / "small" / "runs" / entry.run.name, data)

    return made
