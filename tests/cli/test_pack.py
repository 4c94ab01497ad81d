"""`vimae-bench pack`, and every command that reads results, given a folder and then the archive in its place."""

import re
import shutil

import pytest

import vimae_bench
from helpers.command_line import call
from vimae_bench.storage.atomic import read_json, write_json

pytestmark = pytest.mark.medium


@pytest.fixture
def folder(finished, monkeypatch):
    """The results folder `fig1` in the current folder."""
    finished.store.write_benchmark("fig1", "", {"rank_by": "sse"}, finished.entries)
    for entry in finished.entries:
        run = finished.store.run_folder(entry.run)
        run.write_spec(entry.run)
        for epoch in (1, 2):
            run.append_event("epoch", epoch=epoch, time=1.0, seconds=1.0, terms={"total": 1.0 / epoch})
        write_json(run.record, {**read_json(run.record), "weights": {"sha256": "0" * 64}})
    monkeypatch.chdir(finished.store.path.parent)
    return finished.store.path


def test_it_says_what_it_has_made_and_leaves_the_folder(folder):
    assert re.fullmatch(r"fig1\.zip: 0\.\d MiB\n", call("pack", "fig1"))
    assert (folder / "benchmark.json").exists()


def test_a_folder_without_results_is_refused(folder):
    (folder / "benchmark.json").unlink()
    assert call("pack", "fig1", code=4) == "fig1: is not a results folder: it has no benchmark.json\n"


@pytest.mark.parametrize(
    "command",
    [
        ["leaderboard", "fig1", "--format", "json"],
        ["leaderboard", "fig1"],
        ["compare", "fig1", "AE", "VAE", "--format", "json"],
        ["compare", "fig1", "fig1", "--format", "json"],
        ["doctor", "fig1"],
        ["doctor", "."],
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_a_command_reads_the_archive_where_the_folder_is_gone(folder, command, kept):
    expected = call(*command)
    call("pack", "fig1")
    shutil.rmtree(folder)
    if kept:
        folder.mkdir()
        (folder / "leaderboard.md").write_text("")
    assert call(*command) == expected
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "command",
    [["leaderboard", "fig1.zip", "--format", "json"], ["compare", "fig1.zip", "AE", "VAE"], ["doctor", "fig1.zip"]],
)
def test_an_archive_may_be_named(folder, command):
    expected = call(*(word.removesuffix(".zip") for word in command)).replace("fig1 ", "fig1.zip ")
    call("pack", "fig1")
    assert call(*command).replace("fig1 ", "fig1.zip ") == expected


def test_a_report_and_a_verdict_link_to_the_archive(folder):
    call("pack", "fig1")
    shutil.rmtree(folder)
    call("report", "fig1", "--output", "page.html")
    text = (folder.parent / "page.html").read_text()
    assert 'href="fig1.zip"' in text
    assert 'href="fig1' in text
    assert 'href="fig1.zip/' not in text


def test_figures_are_drawn_from_an_archive(folder):
    call("pack", "fig1")
    shutil.rmtree(folder)
    assert "training" in call("figures", "fig1.zip", "--output", "figures")


def test_python_loads_an_archive(folder):
    expected = vimae_bench.load("fig1")
    frame, curves = expected.leaderboard, expected.curves
    call("pack", "fig1")
    shutil.rmtree(folder)
    for path in ("fig1", "fig1.zip"):
        loaded = vimae_bench.load(path)
        assert loaded.leaderboard.equals(frame)
        assert loaded.curves.equals(curves)


@pytest.mark.parametrize(
    "command",
    [
        ["leaderboard"],
        ["report"],
        ["verdict"],
        ["figures", "--output", "figures"],
        ["doctor"],
        ["compare", "fig1"],
        ["sync"],
    ],
)
def test_a_damaged_archive_is_one_line_for_every_command(folder, command):
    archive = folder.parent / "damaged.zip"
    archive.write_bytes(b"PK\3\4 damaged")
    output = call(*command, "damaged", code=4 if command[0] not in ("report", "verdict") else 2)
    assert output.startswith("damaged.zip: is not an archive of results, or damaged")
    assert output.count("\n") == 1


def test_doctor_unpacks_an_archive_to_repair_it(folder):
    record = next(folder.glob("runs/*/record.json"))
    record.write_text("{")
    call("pack", "fig1")
    shutil.rmtree(folder)
    assert "record.json: cannot be read" in call("doctor", "fig1", code=1)
    lines = call("doctor", "fig1", "--repair").splitlines()
    assert lines[0] == "fig1.zip: unpacked to fig1, which is used from now on"
    assert lines[-1] == "1 file is repaired; `run` makes again what is missing"
    assert call("doctor", "fig1") == "nothing is damaged\n"
