"""Regular files of bounded size in real folders are read and written, and nothing else; what links lead to stays."""

import os
import socket
from pathlib import Path

import pytest

from helpers.hostile_files import describe_folder, make_png
from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.archive import find_results, pack_results
from vimae_bench.storage.atomic import read_json, write_json
from vimae_bench.storage.locks import make_lock
from vimae_bench.storage.picture_files import read_picture
from vimae_bench.storage.plain_files import (
    check_in_place,
    get_size_limit,
    list_misplaced_in_run,
    list_plain_folder,
    make_folder_of,
    open_for_appending,
    read_plain_file,
    read_plain_files,
    split_path,
)
from vimae_bench.storage.png_files import check_png_size

KINDS = {
    "link": lambda path, outside: path.symlink_to(outside / "private"),
    "link to nothing": lambda path, outside: path.symlink_to(outside / "new"),
    "link to a folder": lambda path, outside: path.symlink_to(outside),
    "pipe": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
    "socket": lambda path, _: bind(path),
}


def bind(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "private").write_text('{"private": 1}')
    return folder


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "r" / "runs" / "a"
    (folder / "metrics").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["record.json", "metrics/a.json", "events.jsonl", "../../benchmark.json"])
def test_what_is_no_regular_file_is_neither_read_nor_written(run, outside, monkeypatch, kind, name):
    monkeypatch.chdir(run.parents[1])  # a path to a socket is short
    path = Path("runs/a") / name
    KINDS[kind](path, outside)
    before = describe_folder(outside)
    for use in (read_plain_file, read_json, open_for_appending, lambda one: make_lock(one, 0)):
        with pytest.raises(ResultsError, match="regular file"):
            use(path)
    assert read_plain_files(Path("runs/a"), [name]) == {}
    if kind != "folder":  # which nothing can take the place of; `run` and `doctor --repair` rename it
        write_json(path, {"new": 1})
        assert read_json(path) == {"new": 1}
    assert describe_folder(outside) == before


@pytest.mark.parametrize("level", ["runs", "runs/a", "runs/a/metrics"])
def test_a_link_at_any_level_is_refused(run, outside, level):
    (run / "metrics" / "a.json").write_text("{}")
    assert read_plain_files(run, ["metrics/a.json"]) == {"metrics/a.json": b"{}"}
    link = run.parents[1] / level
    link.rename(outside / "moved")
    link.symlink_to(outside / "moved")
    before = describe_folder(outside)
    path = run / "metrics" / "a.json"
    for use in (read_plain_file, open_for_appending, make_folder_of, lambda one: write_json(one, {})):
        with pytest.raises((ResultsError, FileNotFoundError), match="is a link in place of a folder"):
            use(path)
    assert list_plain_folder(path.parent) == []
    assert read_plain_files(run, ["metrics/a.json"]) == {}
    assert describe_folder(outside) == before


def test_the_results_folder_itself_may_be_a_link(run, tmp_path):
    write_json(run / "record.json", {"a": 1})
    for target, link in ((run.parents[1], tmp_path / "link"), (tmp_path, tmp_path / "runs")):
        link.symlink_to(target)
    assert read_json(tmp_path / "link/runs/a/record.json") == {"a": 1}
    assert read_json(tmp_path / "runs/r/runs/a/record.json") == {"a": 1}
    for folder in ("link/runs/a", "runs/r/runs/a"):
        assert [*read_plain_files(tmp_path / folder, ["spec.json", "record.json"])] == ["record.json"]
    write_json(tmp_path / "runs/r/benchmark.json", {"b": 1})
    write_json(tmp_path / "runs/r/report.html", {"b": 1})
    assert read_json(tmp_path / "runs/r/benchmark.json") == {"b": 1}


@pytest.mark.parametrize(
    ("path", "root", "inner"),
    [
        ("r/runs/a/record.json", "r", ["runs", "a", "record.json"]),
        ("/x/runs/r/runs/a/metrics/m.json", "/x/runs/r", ["runs", "a", "metrics", "m.json"]),
        ("/x/runs/r/benchmark.json", "/x/runs/r", ["benchmark.json"]),
        ("r/references/m.json", "r", ["references", "m.json"]),
        ("scratch/pictures/samples.png", "scratch", ["pictures", "samples.png"]),
        ("report.html", ".", ["report.html"]),
    ],
)
def test_the_results_folder_of_a_path(path, root, inner):
    assert split_path(path) == (root, inner)


@pytest.mark.parametrize("name", ["record.json", "events.jsonl", "metrics/a.json", "weights.safetensors"])
def test_a_file_of_gigabytes_is_refused_at_once(run, name):
    path = run / name
    with path.open("wb") as file:
        file.truncate(20 * 2**30)
    with pytest.raises(ResultsError, match=f"at most {get_size_limit(path):,}"):
        read_plain_file(path)


@pytest.mark.parametrize("name", ["pictures/codes.npz", "pictures/samples.png", "metrics/a.json", "spec.json"])
def test_a_file_of_gigabytes_is_found_in_the_folder_of_a_run(run, name):
    path = run / name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(20 * 2**30)
    assert [(found, what.split(",")[0]) for found, what in list_misplaced_in_run(run)] == [(path, "has 21")]


@pytest.mark.parametrize("name", ["log.txt", ".weights.safetensors.0123abcd.tmp"])
def test_a_log_and_what_is_being_written_may_have_any_size(run, name):
    with (run / name).open("wb") as file:
        file.truncate(20 * 2**30)
    assert list(list_misplaced_in_run(run)) == []


def test_a_file_with_several_names_is_written_to_under_one_of_them(run, outside):
    os.link(outside / "private", run / "events.jsonl")
    os.close(handle := open_for_appending(run / "events.jsonl"))
    assert handle >= 0
    with (run / "events.jsonl").open("a") as file:
        file.write("more")
    assert (outside / "private").read_text() == '{"private": 1}'
    assert (run / "events.jsonl").read_text() == '{"private": 1}more'


@pytest.mark.parametrize("size", [(12_000, 12_000), (2**31 - 1, 1), (0, 5)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, size):
    path = tmp_path / "pictures" / "samples.png"
    path.parent.mkdir()
    whole = make_png(1, 1)
    path.write_bytes(whole[:16] + size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big") + whole[24:])
    for read in (check_png_size, read_picture):
        with pytest.raises(ResultsError, match="pixels"):
            read(path)


def test_one_file_of_an_archive_that_is_too_large_costs_that_file_alone(finished):
    finished.store.write_benchmark("fig1", "", {"rank_by": "sse"}, finished.entries)
    folder = finished.store.run_folder(finished.entries[0].run)
    folder.spec.write_bytes(os.urandom(2**20 + 1))
    said = list[str]()
    root = find_results(pack_results(finished.store.path, said.append))
    assert [line.partition(": ")[2].partition(": ")[0] for line in said] == [str(folder.spec)]
    assert (root / "benchmark.json").exists()
    assert not (root / "runs" / folder.path.name / "spec.json").exists()


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_takes_the_place_of_a_file_after_it_was_looked_at_is_refused(tmp_path, monkeypatch, kind):
    target, path, real = tmp_path / "private", tmp_path / "record.json", os.lstat
    target.write_text("{}")
    looked_at = target.stat()
    KINDS[kind](path, tmp_path)
    monkeypatch.setattr(
        os, "lstat", lambda one, **words: looked_at if Path(one).name == path.name else real(one, **words)
    )
    for use in (read_plain_file, open_for_appending):
        with pytest.raises(ResultsError, match="regular file"):
            use(path)
    assert read_plain_files(tmp_path, [path.name]) == {}


def test_the_limit_of_a_size_is_exact(tmp_path):
    for name, size in (("record.json", 5 * 2**20), ("spec.json", 2**20)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    with pytest.raises(ResultsError, match="at most 4,194,304"):
        check_in_place(f"{tmp_path}/record.json")
    assert len(read_plain_file(tmp_path / "spec.json")) == 2**20
    assert [*read_plain_files(tmp_path, ["record.json", "spec.json"])] == ["spec.json"]
