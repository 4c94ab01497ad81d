"""Every kind of damage to every kind of file is reported or repaired, without a traceback or further loss."""

import shutil
from pathlib import Path

import pytest

from helpers.chaos_harness import KillAt, Scenario, benchmark_text, run_command, run_in_fork, run_job

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


def flipped(data: bytearray) -> bytes:
    data[len(data) // 2] ^= 0x80
    return bytes(data)


DAMAGE = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "a flipped bit": lambda data: flipped(bytearray(data or b"\0")),
    "nonsense": lambda data: b"\x00\xff" * 100,
    "nested too deep": lambda data: b"[" * 100_000,
    "another object": lambda data: b'{"status": "done"}\n',
}
RESULTS = {
    "benchmark": "benchmark.json",
    "spec": "runs/elbo*/spec.json",
    "events": "runs/elbo*/events.jsonl",
    "record": "runs/elbo*/record.json",
    "weights": "runs/elbo*/weights.safetensors",
    "metric": "runs/elbo*/metrics/*.json",
    "references": "references/*.json",
    "picture": "runs/elbo*/pictures/samples.png",
    "codes": "runs/elbo*/pictures/codes.npz",
    "lock": "runs/elbo*/.lock",
    "table": "leaderboard.md",
}
MIRROR = {"cursor": "storm/runs/elbo*/.mlflow.json", "database": "mlflow.db"}
EACH = [(kind, how) for kind in RESULTS for how in (*DAMAGE, "missing") if (kind, how) != ("weights", "missing")]
"""Weights may be deleted to save space; this is no damage."""
ARRAYS = ("train_x.npy", "train_y.npy", "test_x.npy", "dataset.json")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Scenario:
    """A benchmark that finished without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    scenario = Scenario(folder / "scenario", benchmark_text(another=False), folder / "data")
    assert run_in_fork(run_command, scenario.words(), scenario.path / "output.txt") == 0
    return scenario


@pytest.fixture(scope="module")
def mirrored(undisturbed, tmp_path_factory) -> Scenario:
    """The same, mirrored to MLflow."""
    scenario = copied(undisturbed, tmp_path_factory.mktemp("mirrored"))
    assert do(scenario, "sync", *places(scenario)) == 0
    return scenario


def copied(scenario: Scenario, folder: Path) -> Scenario:
    """A copy to be damaged."""
    copy = Scenario(folder / "scenario", scenario.text, folder / "data")
    shutil.copytree(scenario.path / "results", copy.path / "results")
    shutil.copytree(scenario.data, copy.data)
    return copy


@pytest.fixture
def copy(undisturbed, tmp_path) -> Scenario:
    return copied(undisturbed, tmp_path)


def places(scenario: Scenario) -> list[str]:
    return [str(scenario.file), "--results", str(scenario.path / "results")]


def do(scenario: Scenario, *words: str) -> int:
    return run_in_fork(run_command, list(words), scenario.path / "output.txt")


def damage(path: Path, how: str) -> None:
    path.unlink() if how == "missing" else path.write_bytes(DAMAGE[how](path.read_bytes()))


@pytest.mark.parametrize(("kind", "how"), EACH)
def test_damaged_file_affects_nothing_else(copy, undisturbed, kind, how, count):
    path = next(copy.store.path.glob(RESULTS[kind]))
    retrained = path.parent.name if kind in ("record", "weights") else ""  # without these a run is not finished
    before = {name: record for name, record in copy.finished().items() if name != retrained}
    damage(path, how)
    assert do(copy, *copy.words()) == 0, (copy.path / "output.txt").read_text()
    do(copy, "doctor", str(copy.store.path), "--repair")
    if not (copy.path / "output.txt").read_text().endswith("nothing is damaged\n"):
        assert do(copy, *copy.words()) == 0, (copy.path / "output.txt").read_text()
    copy.check(before, undisturbed, count, retrained)
    count["damaged files"] += 1


@pytest.mark.parametrize("how", [*DAMAGE, "missing"])
@pytest.mark.parametrize("which", ["newest", "all"])
def test_damaged_checkpoint_costs_the_epochs_since_the_previous_one(undisturbed, tmp_path, which, how, count):
    scenario = Scenario(tmp_path / "scenario", undisturbed.text, undisturbed.data)
    first = next(job for job in scenario.jobs() if job.entry.label == "VAE")
    assert run_in_fork(run_job, first, scenario.path / "output.txt", KillAt(1, "record.json.")) == -9
    kept = sorted((first.folder / "checkpoints").glob("*.pt"), reverse=True)
    assert len(kept) == 2
    for path in kept[: 1 if which == "newest" else 2]:
        damage(path, how)
    assert do(scenario, *scenario.words()) == 0
    scenario.check({}, undisturbed, count)
    count["damaged checkpoints"] += 1


@pytest.mark.parametrize("how", [*DAMAGE, "missing"])
@pytest.mark.parametrize("name", ARRAYS)
def test_damaged_data_set_is_reported_by_name_before_training(copy, name, how, count):
    shutil.rmtree(copy.store.path)
    damage(copy.data / "digits" / name, how)
    code, output = do(copy, *copy.words()), (copy.path / "output.txt").read_text()
    if code:
        assert (code, name in output) == (2, True), output
        assert not copy.finished()
    assert not copy.tracebacks()
    count["damaged arrays"] += 1


@pytest.mark.parametrize("how", [*DAMAGE, "missing"])
@pytest.mark.parametrize("kind", MIRROR)
def test_damaged_mlflow_store_is_reported_and_filled_again(mirrored, tmp_path, kind, how, count):
    copy = copied(mirrored, tmp_path)
    damage(next((copy.path / "results").glob(MIRROR[kind])), how)
    do(copy, "sync", *places(copy))
    do(copy, "doctor", str(copy.path / "results"), "--repair")
    assert do(copy, "sync", *places(copy)) == 0
    output = (copy.path / "output.txt").read_text()
    assert output.splitlines()[-1].startswith("1 run mirrored"), output
    assert not copy.tracebacks()
    count["damaged cursors and databases of MLflow"] += 1
