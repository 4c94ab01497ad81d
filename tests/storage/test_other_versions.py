"""Runs that were made by another version of a plugin are said to be there."""

from dataclasses import replace

import pytest

from helpers.command_line import call
from vimae_bench.core.spec import PluginSpec
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.store import ResultsFolder

INNER = {"divergence": {"use": "mmd", "version": 1, "kernel": "imq"}}


def bump(entry, kind, version=2):
    run = entry.run
    return replace(entry, run=replace(run, **{kind: replace(getattr(run, kind), version=version)}))


def read_reason(results, entry):
    (result,) = results.store.load_results([entry])
    assert result.status == "missing"
    return result.reason


@pytest.mark.parametrize("kind", ["objective", "prior", "dataset", "architecture"])
def test_a_run_of_another_version_of_a_plugin_is_named(kind, results):
    results.add("VAE", 0, sse=1.0)
    name = getattr(results.entries[0].run, kind).name
    said = read_reason(results, bump(results.entries[0], kind))
    assert said == f"not started; there is one by {name} version 1 (now 2)"


def test_a_run_of_another_version_of_a_plugin_within_a_plugin_is_named(results):
    results.add("VAE", 0, sse=1.0)
    run = results.entries[0].run
    made = replace(results.entries[0], run=replace(run, objective=PluginSpec("vimae", INNER, 3)))
    results.store.run_folder(made.run).write_spec(made.run)
    newer = {"divergence": {**INNER["divergence"], "version": 2}}
    asked = replace(made, run=replace(run, objective=PluginSpec("vimae", newer, 4)))
    assert read_reason(results, asked).endswith("one by vimae version 3 (now 4), mmd version 1 (now 2)")


def test_runs_of_other_settings_or_seeds_are_not_named(results):
    results.add("VAE", 0, sse=1.0)
    entry = bump(results.entries[0], "objective")
    others = [
        replace(entry, run=replace(entry.run, seed=1)),
        replace(entry, run=replace(entry.run, latent=3)),
        replace(entry, run=replace(entry.run, objective=replace(entry.run.objective, settings={"row": "AE"}))),
    ]
    assert [read_reason(results, other) for other in others] == ["not started"] * 3


def test_a_damaged_run_is_not_named(results):
    folder = results.add("VAE", 0, sse=1.0)
    folder.spec.write_text("{")
    assert read_reason(results, bump(results.entries[0], "objective")) == "not started"


def test_leaderboard_and_plan_of_a_file_say_that_older_runs_are_there(benchmark_file, tmp_path):
    file, folder = benchmark_file(), tmp_path / "results"
    call("run", file, "--results", folder, "--data", tmp_path / "data")
    store = ResultsFolder(folder / "small")
    (path,) = (store.path / "runs").iterdir()
    (entry,) = store.read_benchmark().entries
    older = bump(entry, "objective", 0)
    path.rename(path.with_name(older.run.name))
    write_json(store.run_folder(older.run).spec, older.run.as_json())
    said = f"ae version 0 (now {entry.run.objective.version})"
    assert f"not started; there is one by {said}" in " ".join(
        call("leaderboard", file, "--results", folder, "--format", "markdown").split()
    )
    assert f"1 run by {said}: new, as versions are not compared" in call("plan", file, "--results", folder)
