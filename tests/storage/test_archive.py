"""Results in one file: read in place as from a folder, and refused where an archive is damaged or hostile."""

import os
import stat
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.archives import Member, forge
from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.archive import ArchivePath, find_results, pack_results, real_path, unpack_results
from vimae_bench.storage.store import ResultsFolder


@pytest.fixture
def packed(finished) -> Path:
    """The archive of a benchmark, whose folder is still there."""
    finished.store.write_benchmark("fig1", "", {"rank_by": "sse"}, finished.entries)
    return pack_results(finished.store.path)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_an_archive_is_read_as_its_folder_is(packed, finished):
    folder, archive = finished.store, ResultsFolder(find_results(packed))
    assert archive.read_benchmark() == folder.read_benchmark()
    assert archive.load_baselines(finished.entries) == folder.load_baselines(finished.entries)
    results = archive.load_results(finished.entries)
    assert [
        replace(a, folder=b.folder) for a, b in zip(results, folder.load_results(finished.entries), strict=True)
    ] == (folder.load_results(finished.entries))
    assert [archive.get_state(entry) for entry in finished.entries] == [
        folder.get_state(entry) for entry in finished.entries
    ]
    assert archive.name == folder.name == "fig1"


def test_files_in_an_archive_are_found_listed_and_opened_as_others_are(packed, finished):
    root = find_results(packed)
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*.json")) == sorted(
        path.relative_to(finished.store.path).as_posix() for path in finished.store.path.rglob("*.json")
    )
    run = next((root / "runs").iterdir())
    assert run.read_files(["record.json", "nothing", "metrics"]) == {"record.json": (run / "record.json").read_bytes()}
    benchmark = root / "benchmark.json"
    assert benchmark.read_text(encoding="utf-8") == (finished.store.path / "benchmark.json").read_text(encoding="utf-8")
    with benchmark.open("rb") as file:
        assert file.read(1) == b"{"
    assert (root.is_dir(), root.is_file(), benchmark.is_dir(), benchmark.is_file()) == (True, False, False, True)
    assert not (root / "nothing").exists()
    assert real_path(benchmark) == packed


def test_nothing_can_be_written_into_an_archive(packed):
    before = packed.read_bytes()
    root = find_results(packed)
    for write in (
        lambda: (root / "benchmark.json").open("w"),
        lambda: (root / "new.json").write_bytes(b""),
        lambda: (root / "runs" / "new").mkdir(parents=True),
        lambda: (root / "benchmark.json").unlink(),
    ):
        with pytest.raises(OSError):  # noqa: PT011
            write()
    assert packed.read_bytes() == before


@pytest.mark.parametrize("name", ["nothing.json", "runs"])
def test_what_is_not_a_file_cannot_be_read(packed, name):
    with pytest.raises(OSError, match=r"No such file|Is a directory"):
        (find_results(packed) / name).read_bytes()


def test_equal_results_give_equal_bytes(packed, finished):
    before = packed.read_bytes()
    for path in finished.store.path.rglob("*"):
        os.utime(path, (1, 1))
    assert pack_results(finished.store.path).read_bytes() == before


def test_weights_checkpoints_logs_and_links_are_not_packed(packed, finished, tmp_path):
    before = packed.read_bytes()
    folder = finished.store.run_folder(finished.entries[0].run)
    (folder.path / "checkpoints").mkdir()
    (folder.path / "metrics" / "link.json").symlink_to("/etc/passwd")
    for name in ("weights.safetensors", "checkpoints/epoch-1.pt", "log.txt", ".lock", ".mlflow.json", "record.corrupt"):
        (folder.path / name).write_text("x")
    (finished.store.path / "leaderboard.md").write_text("x")
    assert pack_results(finished.store.path).read_bytes() == before


def test_a_folder_without_results_is_not_packed(tmp_path):
    with pytest.raises(ResultsError, match=r"is not a results folder: it has no benchmark\.json"):
        pack_results(tmp_path)


def test_the_archive_is_read_where_its_folder_holds_no_results(packed, finished):
    folder = finished.store.path
    assert find_results(folder) == folder
    for path in (*folder.rglob("*.json"), folder / "leaderboard.md"):
        path.unlink(missing_ok=True)
    (folder / "leaderboard.md").write_text("kept next to the archive")
    assert find_results(folder) == ArchivePath(packed)
    (folder / "benchmark.corrupt").write_text("set aside by doctor")
    assert find_results(folder) == folder


def test_an_archive_is_unpacked_to_what_was_packed(packed, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / "fig1.zip"
    copy.write_bytes(packed.read_bytes())
    said = list[str]()
    folder = unpack_results(tmp_path / "elsewhere" / "fig1", said.append)
    assert folder == tmp_path / "elsewhere" / "fig1"
    assert said == [f"{copy}: unpacked to {folder}, which is used from now on"]
    assert files_of(folder) == files_of(packed.with_suffix(""))
    assert unpack_results(folder, said.append) == folder
    assert len(said) == 1
    with pytest.raises(ResultsError, match="has results; name that instead"):
        unpack_results(copy, said.append)


def test_unpacking_that_was_cut_off_goes_on_and_keeps_what_is_newer(packed, finished):
    folder = packed.with_suffix("")
    before = files_of(folder)
    newer = finished.store.run_folder(finished.entries[0].run).record
    (folder / "benchmark.json").unlink()
    newer.write_text("newer")
    finished.store.run_folder(finished.entries[1].run).record.unlink()
    unpack_results(folder, lambda _: None)
    assert files_of(folder) == before | {newer.relative_to(folder).as_posix(): b"newer"}


def read_everything(archive: Path) -> dict[str, bytes]:
    root = find_results(archive)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_an_archive_made_by_hand_is_read(tmp_path):
    stored = Member("runs/β/record.json", method=0, flags=0x800)
    assert read_everything(forge(tmp_path / "a.zip", stored, Member("runs/a/spec.json"))) == {
        "benchmark.json": b"{}",
        "runs/a/spec.json": b"{}",
        "runs/β/record.json": b"{}",
    }


HOSTILE = {
    "a bomb": ([Member(data=b"0" * 10**7)], "would take 10,000,000 bytes"),
    "a size of gigabytes": ([Member(size=2**32 - 2, packed_size=2**31)], "would take 4,294,967,294 bytes"),
    "many large files": (
        [Member(f"runs/{i}/record.json", size=2**28, packed_size=2**22) for i in range(40)],
        "its files take more than 8 GiB",
    ),
    "files that overlap": (
        [Member(f"runs/{i}/record.json", data=bytes(range(256)) * 40, method=0, offset=45) for i in range(3)]
        + [Member("runs/x/record.json", packed_size=99_999)],
        "its files overlap",
    ),
    "an absolute name": ([Member("/etc/passwd")], "/etc/passwd' is not a file of a results folder"),
    "a name that leads out": ([Member("../runs/a/record.json")], "is not a file of a results folder"),
    "a name that leads back": ([Member("runs/../record.json")], "is not a file of a results folder"),
    "a name with a control character": ([Member("runs/\x1b/record.json")], "is not a file of a results folder"),
    "a name with a zero": ([Member("runs/a\0/record.json")], "is not a file of a results folder"),
    "a folder": ([Member("runs/")], "is not a file of a results folder"),
    "a file of another kind": ([Member("runs/a/run.sh")], "is not a file of a results folder"),
    "a link": ([Member(mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd")], "is a link"),
    "a device": ([Member(mode=stat.S_IFCHR | 0o777)], "is not a regular file"),
    "one name twice": ([Member(), Member(data=b"[]")], "is in it twice"),
    "an encrypted file": ([Member(flags=1)], "is encrypted"),
    "another compression": ([Member(method=14)], "a method other than deflate (14)"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_in_one_line(tmp_path, kind):
    members, message = HOSTILE[kind]
    archive = forge(tmp_path / "a.zip", *members)
    with pytest.raises(ResultsError) as raised:
        find_results(archive)
    assert str(raised.value).startswith(f"{archive}: is not safe to read: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_archive_of_very_many_files_is_refused(tmp_path):
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 788, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    archive = forge(tmp_path / "many.zip", directory=entry * 100_001)
    with pytest.raises(ResultsError, match=r"holds 100,001 files; an archive of results may hold 100,000"):
        find_results(archive)
    archive = forge(tmp_path / "more.zip", directory=bytes(2**24 + 1))
    with pytest.raises(ResultsError, match="its list of files is too long"):
        find_results(archive)


@pytest.mark.parametrize(
    "member",
    [
        Member(crc=1),
        Member(size=1),
        Member(size=3),
        Member(data=b"0" * 10**6, size=1000, crc=zlib.crc32(b"0" * 1000)),
        Member(packed_size=1),
        Member(offset=7),
        Member(offset=2**31),
        Member(method=0, data=b"{}", size=1),
    ],
)
def test_a_file_that_is_not_what_its_archive_says_is_damaged(tmp_path, member):
    archive = find_results(forge(tmp_path / "a.zip", member))
    assert (archive / "benchmark.json").read_bytes() == b"{}"
    with pytest.raises(ResultsError, match=r"a\.zip: is damaged: runs/a/record\.json cannot be read"):
        (archive / "runs/a/record.json").read_bytes()
    assert (archive / "runs/a").read_files(["record.json"]) == {}


def test_an_archive_cut_off_anywhere_is_reported_in_one_line(packed, tmp_path):
    complete, cut = packed.read_bytes(), tmp_path / "cut.zip"
    for length in (0, 1, 22, len(complete) // 2, len(complete) - 23, len(complete) - 1):
        cut.write_bytes(complete[:length])
        with pytest.raises(ResultsError, match=r"cut\.zip: is not an archive of results, or damaged"):
            find_results(cut)


def test_an_archive_without_a_benchmark_is_not_one_of_results(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK\5\6" + bytes(18))
    with pytest.raises(ResultsError, match=r"is not an archive of results: it has no benchmark\.json"):
        find_results(archive)


def test_an_archive_that_was_written_again_is_read_again(tmp_path):
    root = find_results(forge(tmp_path / "a.zip", Member(data=b"1")))
    assert (root / "runs/a/record.json").read_bytes() == b"1"
    forge(tmp_path / "a.zip", Member(data=b"[1, 2]"))
    assert (root / "runs/a/record.json").read_bytes() == b"[1, 2]"


def test_two_processes_may_unpack_one_archive(packed, tmp_path):
    folder = tmp_path / "elsewhere" / "fig1"
    folder.parent.mkdir()
    folder.with_suffix(".zip").write_bytes(packed.read_bytes())
    lines = list[str]()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: unpack_results(folder, lines.append), range(4)))
    assert set(found) == {folder}
    assert lines
    assert files_of(folder) == files_of(packed.with_suffix(""))
