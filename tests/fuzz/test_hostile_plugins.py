"""A plugin that raises any exception anywhere gives a message or one failed run; other runs continue."""

import json
import re

import pytest
from click.testing import CliRunner

from helpers.benchmarks import AE, make_benchmark
from helpers.fuzz_strategies import ESCAPE, assert_readable
from vimae_bench.cli import main
from vimae_bench.core.errors import BenchError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.registry import make_plugin

pytestmark = pytest.mark.medium

PLUGIN = """
import sys
from dataclasses import dataclass
from pathlib import Path
from vimae_bench.execution import Event
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Estimate, Measure, Metric, Objective, hookimpl

class Odd(BaseException): pass
FAULTS = {"key": KeyError("on purpose"), "exit": SystemExit(3), "recursion": RecursionError("on purpose"),
          "assertion": AssertionError("on purpose \\x1b[31m")}

def act(faults, where):
    if where in faults: raise FAULTS[faults[where]]

@dataclass(frozen=True)
class OddObjective(Objective):
    '''Fails at the given point.'''
    where: str = ""
    fault: str = "key"
    def __post_init__(self): act({self.where: self.fault}, "made")
    def posterior(self):
        act({self.where: self.fault}, "posterior")
        return Deterministic()
    def check(self, model): act({self.where: self.fault}, "check")
    def __call__(self, model, batch): act({self.where: self.fault}, "call")

@dataclass(frozen=True)
class OddMetric(Metric):
    '''Fails at the given point.'''
    where: str = ""
    fault: str = "key"
    def __post_init__(self): act({self.where: self.fault}, "made")
    def measures(self): return (Measure("odd", "", None),)
    def check(self, splits, spec): act({self.where: self.fault}, "check")
    def __call__(self, evaluation):
        act({self.where: self.fault}, "call")
        return {"odd": Estimate(1.0, 1)}

@dataclass(frozen=True)
class OddDataset:
    '''Fails at the given point.'''
    where: str = ""
    fault: str = "key"
    pixel_range: str = "unit"
    validation: int = 0
    @property
    def folder(self):
        act({self.where: self.fault}, "folder")
        return "odd"
    def prepare(self, scratch): act({self.where: self.fault}, "prepare")

@dataclass(frozen=True)
class OddReporter:
    '''Fails at the given point.'''
    where: str = ""
    fault: str = "key"
    def __call__(self, orders, events):
        act({self.where: self.fault}, "call")
        for event in events:
            act({self.where: self.fault}, type(event).__name__)
            if self.where == "leave": return
            yield event

@hookimpl
def vimae_objectives(): return {"odd": OddObjective}
@hookimpl
def vimae_metrics(): return {"odd": OddMetric}
@hookimpl
def vimae_datasets(): return {"odd": OddDataset}
@hookimpl
def vimae_reporters(): return {"odd": OddReporter}
"""


@pytest.fixture
def run(install, tmp_path, tmp_path_factory):
    """Runs a benchmark with some keys changed; returns the output, the exit code and the status of each run."""
    install("odd", PLUGIN)
    file, results = tmp_path / "b.toml", tmp_path / "results"
    data = tmp_path_factory.getbasetemp() / "data"

    def called(**changes):
        file.write_text(make_benchmark(**changes))
        done = CliRunner().invoke(main, ["run", str(file), "--results", str(results), "--data", str(data)])
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        records = [json.loads(path.read_text()) for path in results.rglob("record.json")]
        return done.output, done.exit_code, {record["run"]["objective"]["use"]: record["status"] for record in records}

    return called


def odd(where, fault="key"):
    return {"use": "odd", "where": where, "fault": fault}


@pytest.mark.parametrize("fault", ["key", "exit", "recursion", "assertion"])
@pytest.mark.parametrize("where", ["made", "posterior", "check"])
def test_objective_that_fails_before_training_gives_a_message(run, where, fault):
    said, code, runs = run(method=[{"label": "B", "objective": odd(where, fault), "prior": "normal"}])
    assert (code, runs) == (2, {})
    assert_readable(said.strip().split("\n")[-1], "b.toml:")


@pytest.mark.parametrize("fault", ["exit", "assertion"])
def test_objective_that_fails_in_training_affects_only_its_run(run, fault):
    broken = {"label": "B", "objective": odd("call", fault), "prior": "normal"}
    said, code, runs = run(method=[broken, AE])
    assert (code, runs) == (1, {"odd": "failed", "ae": "done"}), said
    assert "\x1b" not in said


@pytest.mark.parametrize("where", ["made", "check"])
def test_metric_that_fails_before_training_gives_a_message(run, where):
    said, code, runs = run(metrics=[odd(where)])
    assert (code, runs) == (2, {})
    assert_readable(said.strip().split("\n")[-1], "b.toml:")


def test_metric_that_exits_affects_only_its_own_measures(run):
    said, code, runs = run(metrics=[odd("call", "exit"), "reconstruction"])
    assert (code, runs) == (1, {"ae": "done"}), said
    assert "Squared" in said


@pytest.mark.parametrize("where", ["folder", "prepare"])
@pytest.mark.parametrize("fault", ["key", "exit"])
def test_data_set_that_fails_gives_a_message(run, where, fault):
    said, code, runs = run(dataset=odd(where, fault))
    assert (code, runs) == (2, {})
    assert "dataset[0]: " in said


@pytest.mark.parametrize("where", ["call", "JobStarted", "JobEnded", "leave"])
def test_reporter_that_fails_or_exits_is_reported_and_runs_continue(run, where):
    said, code, runs = run(reporters=[odd(where, "assertion"), "console"])
    assert (code, runs) == (0, {"ae": "done"}), said
    assert ("reporter 'odd' failed, and the runs go on without it" in said) is (where != "leave")
    assert ("AssertionError: on purpose \\x1b[31m" in said) is (where != "leave")


def test_contract_check_of_any_plugin_gives_one_line_per_finding(run, install):
    done = CliRunner().invoke(main, ["check", "odd", "-s", "where='call'", "-s", "fault='exit'"])
    assert isinstance(done.exception, SystemExit), repr(done.exception)
    assert "objective odd (odd 1.0)" in done.output
    assert re.search(r"^  fails +[\d.]+ s  [\w ]+: SystemExit: 3 at odd\.py:\d+$", done.output, re.MULTILINE)


HOOK = "from vimae_bench.plugin import hookimpl\nclass P:\n    '''P.'''\n@hookimpl\ndef vimae_priors(): return "
MODULES = {
    "an exception of its own": ("class Odd(BaseException): pass\nraise Odd('no')", "raised Odd at import: no"),
    "a path": (HOOK + "{'../../x': P}", "returned '../../x', which cannot be the name"),
    "a number": (HOOK + "{3: P}", "returned 3, which cannot be the name"),
    "a control character": (HOOK + f"{{{ESCAPE!r}: P}}", "which cannot be the name"),
    "a long name": (HOOK + "{'x' * 300: P}", "which cannot be the name"),
    "a version that is none": (
        HOOK.replace("class P:", "class P:\n    version = '2'") + "{'p': P}",
        "its version is '2'",
    ),
}


@pytest.mark.parametrize("kind", MODULES)
def test_module_with_invalid_hooks_is_reported_and_affects_no_other(install, kind):
    source, reason = MODULES[kind]
    install("broken", source)
    listed = CliRunner().invoke(main, ["plugins"])
    assert listed.exit_code == 0
    assert reason in " ".join(listed.output.partition("cannot be used")[2].split())
    assert all(map(str.isprintable, listed.output.split("\n")))


def test_plugin_that_breaks_after_discovery_gives_a_message(run, install):
    kept = get_catalog()
    install("odd", "1/0")
    with pytest.raises(BenchError, match=r"objective 'odd' of odd .odd 1\.0. cannot be used: raised ZeroDivisionError"):
        make_plugin("objective", PluginSpec("odd"), catalog=kept)
