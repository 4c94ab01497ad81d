"""Every kind of damage to every kind of file: told or mended, never a traceback, and nothing else is lost for it."""

import shutil
from pathlib import Path

import pytest
from arena import Arena, KillAt, command, forked, text, work

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
"""Weights may be removed to save room: that is no damage."""
ARRAYS = ("train_x.npy", "train_y.npy", "test_x.npy", "dataset.json")


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> Arena:
    """What nothing disturbs."""
    folder = tmp_path_factory.mktemp("calm")
    arena = Arena(folder / "arena", text(another=False), folder / "data")
    assert forked(command, arena.words(), arena.path / "told.txt") == 0
    return arena


@pytest.fixture(scope="module")
def mirrored(calm, tmp_path_factory) -> Arena:
    """The same, brought to MLflow."""
    arena = copied(calm, tmp_path_factory.mktemp("mirrored"))
    assert do(arena, "sync", *places(arena)) == 0
    return arena


def copied(arena: Arena, folder: Path) -> Arena:
    """The same, to be damaged."""
    copy = Arena(folder / "arena", arena.text, folder / "data")
    shutil.copytree(arena.path / "results", copy.path / "results")
    shutil.copytree(arena.data, copy.data)
    return copy


@pytest.fixture
def copy(calm, tmp_path) -> Arena:
    return copied(calm, tmp_path)


def places(arena: Arena) -> list[str]:
    return [str(arena.file), "--results", str(arena.path / "results")]


def do(arena: Arena, *words: str) -> int:
    return forked(command, list(words), arena.path / "told.txt")


def damage(path: Path, how: str) -> None:
    path.unlink() if how == "missing" else path.write_bytes(DAMAGE[how](path.read_bytes()))


@pytest.mark.parametrize(("kind", "how"), EACH)
def test_a_damaged_file_costs_nothing_but_itself(copy, calm, kind, how, count):
    path = next(copy.store.path.glob(RESULTS[kind]))
    anew = path.parent.name if kind in ("record", "weights") else ""  # without these a run is not finished
    before = {name: record for name, record in copy.finished().items() if name != anew}
    damage(path, how)
    assert do(copy, *copy.words()) == 0, (copy.path / "told.txt").read_text()
    do(copy, "doctor", str(copy.store.path), "--repair")
    if not (copy.path / "told.txt").read_text().endswith("nothing is damaged\n"):
        assert do(copy, *copy.words()) == 0, (copy.path / "told.txt").read_text()
    copy.check(before, calm, count, anew)
    count["damaged files"] += 1


@pytest.mark.parametrize("how", [*DAMAGE, "missing"])
@pytest.mark.parametrize("which", ["newest", "all"])
def test_a_damaged_checkpoint_costs_the_epochs_since_the_one_before(calm, tmp_path, which, how, count):
    arena = Arena(tmp_path / "arena", calm.text, calm.data)
    first = next(order for order in arena.orders() if order.cell.label == "VAE")
    assert forked(work, first, arena.path / "told.txt", KillAt(1, "record.json.")) == -9
    kept = sorted((first.folder / "checkpoints").glob("*.pt"), reverse=True)
    assert len(kept) == 2
    for path in kept[: 1 if which == "newest" else 2]:
        damage(path, how)
    assert do(arena, *arena.words()) == 0
    arena.check({}, calm, count)
    count["damaged checkpoints"] += 1


@pytest.mark.parametrize("how", [*DAMAGE, "missing"])
@pytest.mark.parametrize("name", ARRAYS)
def test_a_damaged_data_set_is_told_by_its_name_before_anything_is_trained(copy, name, how, count):
    shutil.rmtree(copy.store.path)
    damage(copy.data / "digits" / name, how)
    code, told = do(copy, *copy.words()), (copy.path / "told.txt").read_text()
    if code:
        assert (code, name in told) == (2, True), told
        assert not copy.finished()
    assert not copy.tracebacks()
    count["damaged arrays"] += 1


@pytest.mark.parametrize("how", [*DAMAGE, "missing"])
@pytest.mark.parametrize("kind", MIRROR)
def test_a_damaged_mirror_is_told_and_filled_anew(mirrored, tmp_path, kind, how, count):
    copy = copied(mirrored, tmp_path)
    damage(next((copy.path / "results").glob(MIRROR[kind])), how)
    do(copy, "sync", *places(copy))
    do(copy, "doctor", str(copy.path / "results"), "--repair")
    assert do(copy, "sync", *places(copy)) == 0
    told = (copy.path / "told.txt").read_text()
    assert told.splitlines()[-1].startswith("1 run mirrored"), told
    assert not copy.tracebacks()
    count["damaged cursors and databases of MLflow"] += 1
