"""Every kind of damage to every kind of file is found and repaired, and the next run creates the file again."""

import json
import shutil
import sqlite3

import pytest
from click.testing import CliRunner
from filelock import FileLock

from helpers.benchmarks import make_benchmark
from vimae_bench.cli import main
from vimae_bench.storage.archive import pack_results
from vimae_bench.storage.doctor import check_database, find_faults
from vimae_bench.storage.store import ResultsFolder

pytestmark = pytest.mark.medium

TEXT = make_benchmark(metrics=["reconstruction", "svm"], training={"epochs": 2})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file, the data, and the results of a benchmark of one run."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "small.toml").write_text(TEXT)
    assert run(folder).exit_code == 0
    return folder


@pytest.fixture
def results(made, tmp_path):
    """A copy of it all; gives the benchmark's results."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "results" / "small"


def command(*words):
    return CliRunner().invoke(main, [*map(str, words)])


def run(folder):
    places = ["--results", folder / "results", "--data", folder / "data"]
    return command("run", folder / "small.toml", *places)


def one_run(results):
    (folder,) = (results / "runs").iterdir()
    return folder


def contents(results):
    """What the files say that no clock has a part in."""
    folder = one_run(results)
    record = json.loads((folder / "record.json").read_text())
    estimates = {
        path.name: json.loads(path.read_text())["estimates"] for path in sorted((folder / "metrics").glob("*.json"))
    }
    references = {path.name: json.loads(path.read_text())["rows"] for path in (results / "references").glob("*.json")}
    pictures = {path.name for path in (folder / "pictures").iterdir()}
    return record["weights"], record["status"], estimates, references, pictures, (folder / "spec.json").read_text()


DAMAGE = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "a flipped bit": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0x80]) + data[len(data) // 2 + 1 :]
    ),
    "nonsense": lambda data: b"\x00\xff" * 100,
    "nested too deep": lambda data: b"[" * 100_000,
}
FILES = {
    "benchmark": "benchmark.json",
    "spec": "runs/*/spec.json",
    "record": "runs/*/record.json",
    "weights": "runs/*/weights.safetensors",
    "metric": "runs/*/metrics/svm-*.json",
    "pictures": "runs/*/pictures/samples.png",
    "codes": "runs/*/pictures/codes.npz",
    "references": "references/*svm*.json",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_set_aside_and_created_again_by_the_next_run(results, kind, damage):
    before = contents(results)
    (path,) = results.glob(FILES[kind])
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    found = command("doctor", results)
    if kind == "pictures" and damage == "a flipped bit":
        assert found.exit_code == 0, "a picture has no sum; a pixel more or less is no loss"
        return
    assert (found.exit_code, str(path) in found.output) == (1, True), found.output
    assert found.output.endswith("1 file is damaged; use --repair\n")
    repaired = command("doctor", results, "--repair")
    assert (repaired.exit_code, "1 file is repaired" in repaired.output) == (0, True), repaired.output
    assert run(results.parents[1]).exit_code == 0
    assert contents(results) == before
    assert command("doctor", results).output == "nothing is damaged\n"


def test_undamaged_results_have_no_fault(results):
    assert list(find_faults(results)) == []


def test_lines_that_are_not_events_are_removed(results):
    path = one_run(results) / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = [
        b"{}\n",
        b'{"event": "epoch", "time": 1.0}\n',
        b"\xff\xfe\n",
        b"[" * 10_000 + b"\n",
        b'{"event": 3, "time": 0}\n',
        b'{"event": "remark", "time": 0, "more": NaN}\n',
    ]
    path.write_bytes(b"".join([*lines[:2], *wrong, *lines[2:], b'{"event": "to']))
    (fault,) = find_faults(results)
    assert fault.what == f"6 of {len(lines) + 7} lines are not events"
    fault.repair()
    assert path.read_bytes() == b"".join(lines)
    assert path.with_suffix(".corrupt").exists()


def test_a_truncated_last_line_is_not_a_fault(results):
    with (one_run(results) / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "epo')
    assert list(find_faults(results)) == []


def test_a_damaged_checkpoint_is_a_fault(results):
    folder = one_run(results) / "checkpoints"
    folder.mkdir()
    (folder / "epoch-00001.0000000-0123456789abcdef.pt").write_bytes(b"")
    (fault,) = find_faults(results)
    fault.repair()
    assert [path.suffix for path in folder.iterdir()] == [".corrupt"]


@pytest.mark.parametrize("name", ["events.jsonl", "checkpoints/epoch-00001.0000000-0123456789abcdef.pt"])
def test_a_folder_in_place_of_a_file_is_a_fault(results, name):
    path = one_run(results) / name
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)
    (fault,) = find_faults(results)
    assert (fault.path, fault.what) == (path, "is a folder in place of a regular file")


def test_files_that_a_killed_process_left_are_removed(results):
    left = one_run(results) / "metrics" / ".svm.json.1a2b.tmp"
    left.touch()
    (fault,) = find_faults(results)
    assert fault.path == left
    fault.repair()
    assert not left.exists()


def test_the_record_of_another_run_is_a_fault(results):
    path = one_run(results) / "record.json"
    record = json.loads(path.read_text())
    record["run"]["seed"] = 1
    path.write_text(json.dumps(record))
    (fault,) = find_faults(results)
    assert fault.what == "is not the record of this run"


def test_a_run_in_progress_is_skipped(results):
    folder = one_run(results)
    (folder / "record.json").write_text("")
    with FileLock(folder / ".lock"):
        assert list(find_faults(results)) == []
    assert len(list(find_faults(results))) == 1


@pytest.mark.parametrize("name", ["samples.png", "codes.npz"])
def test_a_missing_picture_is_drawn_again_with_the_others(results, name):
    (one_run(results) / "pictures" / name).unlink()
    (fault,) = find_faults(results)
    assert fault.what == "is not there"
    fault.repair()
    assert run(results.parents[1]).exit_code == 0
    assert (one_run(results) / "pictures" / name).exists()


def test_without_weights_only_the_damaged_picture_is_set_aside(results):
    (one_run(results) / "weights.safetensors").unlink()
    (one_run(results) / "pictures" / "samples.png").write_bytes(b"")
    (fault,) = find_faults(results)
    fault.repair()
    assert (one_run(results) / "pictures" / "reconstructions.png").exists()
    assert list(find_faults(results)) == []


def test_a_link_among_the_runs_is_named_and_left_alone(results, tmp_path):
    (results / "runs" / "elsewhere").symlink_to(tmp_path)
    (fault,) = find_faults(results)
    fault.repair()
    assert (results / "runs" / "elsewhere").is_symlink()


@pytest.mark.parametrize("damage", ["cut", "nonsense"])
def test_a_damaged_database_is_set_aside(tmp_path, damage):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (x text)")
        connection.executemany("insert into t values (?)", [("x" * 1000,)] * 100)
    connection.close()
    assert list(check_database(path)) == []
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    (fault,) = check_database(path)
    fault.repair()
    assert [left.name for left in tmp_path.iterdir()] == ["mlflow.corrupt"]


def test_a_folder_without_results_is_reported_in_one_line(tmp_path):
    done = command("doctor", tmp_path)
    assert (done.exit_code, done.output) == (4, f"{tmp_path}: is not a results folder: there are no runs in it\n")


def test_a_model_without_pictures_is_drawn_again_unless_its_weights_were_removed(results):
    (entry,) = ResultsFolder(results).read_benchmark().entries
    shutil.rmtree(one_run(results) / "pictures")
    assert ResultsFolder(results).get_state(entry) == "measure"
    (one_run(results) / "weights.safetensors").unlink()
    assert ResultsFolder(results).get_state(entry) == "done"


def test_a_run_goes_on_from_an_archive(results):
    before, archive = contents(results), pack_results(results)
    shutil.rmtree(results)
    assert "1 run: 1 done" in command("plan", results.parents[1] / "small.toml", "--results", results.parent).output
    assert not results.exists()
    done = run(results.parents[1])
    assert f"{archive}: unpacked to {results}, which is used from now on\n" in done.output
    assert contents(results) == before
