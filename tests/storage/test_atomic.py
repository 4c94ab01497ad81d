import errno
import os
import subprocess
import sys
import time

import pytest

from vimae_bench.core.errors import ResultsError
from vimae_bench.storage import atomic
from vimae_bench.storage.atomic import (
    MAX_JSON_DEPTH,
    append_json_line,
    atomic_write,
    is_disk_full,
    is_no_space_error,
    is_write_error,
    read_json,
    read_json_lines,
    remove_temporary_files,
    write_json,
)


def test_a_file_is_old_or_new_and_never_partial(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def fails(temporary):
        temporary.write_text("{")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        atomic_write(path, fails)
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_values_that_json_does_not_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ResultsError, match=r"x\.json: .*remove it and run again"):
        read_json(tmp_path / "x.json")


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    path = tmp_path / "benchmark.json"
    with pytest.raises(ResultsError, match="too large to be read again"):
        write_json(path, {"cells": [0] * 5_000_000})
    assert not path.exists()
    write_json(path, {"cells": [0] * 500_000})
    assert len(read_json(path)["cells"]) == 500_000


def test_json_is_nested_to_a_limit(tmp_path):
    def write_nested(depth):
        text = '{"a": ' * depth + "1" + "}" * depth
        (tmp_path / "x.json").write_text(text)
        return tmp_path / "x.json"

    assert read_json(write_nested(MAX_JSON_DEPTH))
    with pytest.raises(ResultsError, match="nested too deeply"):
        read_json(write_nested(MAX_JSON_DEPTH + 1))


def test_a_truncated_line_loses_only_itself(tmp_path):
    path = tmp_path / "x.jsonl"
    for i in range(3):
        append_json_line(path, {"i": i, "text": "ä"})
    complete = path.read_bytes()
    for cut in range(len(complete) + 1):
        path.write_bytes(complete[:cut])
        before = [line["i"] for line, _ in read_json_lines(path)]
        append_json_line(path, {"i": 9})
        assert [line["i"] for line, _ in read_json_lines(path)] == [*before, 9] or complete[cut : cut + 1] == b"\n"
        assert before == list(range(complete[:cut].count(b"\n")))


def test_reading_goes_on_from_an_offset(tmp_path):
    path = tmp_path / "x.jsonl"
    append_json_line(path, {"i": 0})
    ((_, offset),) = read_json_lines(path)
    append_json_line(path, {"i": 1})
    assert [line for line, _ in read_json_lines(path, offset)] == [{"i": 1}]
    assert not list(read_json_lines(tmp_path / "none"))


def test_a_line_that_is_not_an_object_is_skipped(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('[1]\n3\nnull\n{"i": 1}\n')
    assert [line for line, _ in read_json_lines(path)] == [{"i": 1}]


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_complete_files(tmp_path):
    code = (
        "import sys; from pathlib import Path; from vimae_bench.storage.atomic import append_json_line, write_json\n"
        "p = Path(sys.argv[1])\n"
        "for i in range(10**9):\n"
        "    write_json(p / 'x.json', {'i': i, 'pad': 'x' * 100_000})\n"
        "    append_json_line(p / 'x.jsonl', {'i': i, 'pad': 'y' * 5000})\n"
    )
    for kill in range(12):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
        while not (tmp_path / "x.json").exists():
            time.sleep(0.01)
        time.sleep(0.2 + 0.03 * kill)
        writer.kill()
        writer.wait()
        assert len(read_json(tmp_path / "x.json")["pad"]) == 100_000
        assert all(len(line["pad"]) == 5000 for line, _ in read_json_lines(tmp_path / "x.jsonl"))
    remove_temporary_files(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"x.json", "x.jsonl"}


@pytest.mark.parametrize("other", [False, True])
def test_a_full_disk_is_that_of_the_folder_that_was_written_to(tmp_path, monkeypatch, other):
    (tmp_path / "results").mkdir()
    (tmp_path / "cache").mkdir()

    def fill(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write says it, without a name

    if other:
        monkeypatch.setattr(atomic, "_get_disk", lambda path: "cache" in str(path))
    with pytest.raises(OSError, match="No space left on device") as raised:
        atomic_write(tmp_path / "cache" / "a.json", fill)
    assert raised.value.filename == str(tmp_path / "cache" / "a.json")
    assert is_disk_full(raised.value, tmp_path / "cache")
    assert is_disk_full(raised.value, tmp_path / "results") == (not other)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_cause_of_an_error_may_be_a_full_disk(tmp_path, depth):
    error: BaseException = OSError(errno.ENOSPC, "No space left on device")
    for _ in range(depth):
        outer = RuntimeError("the compiler failed")
        outer.__cause__, error = error, outer
    assert is_disk_full(error, tmp_path)
    assert is_no_space_error(error)
    assert is_write_error(error)
    assert not is_no_space_error(RuntimeError())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), True),
        (RuntimeError("ld: final link failed: No space left on device"), True),
        (FileNotFoundError(errno.ENOENT, "g++"), False),
        (RuntimeError("no g++"), False),
    ],
)
def test_what_says_that_a_place_cannot_be_written_to(error, expected):
    assert is_write_error(error) == expected
