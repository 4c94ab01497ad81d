"""Output that a terminal cannot show or nobody reads: the commands do their work and keep its results."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.benchmarks import AE, make_benchmark

pytestmark = pytest.mark.medium

VIMAE_BENCH = (sys.executable, "-m", "vimae_bench")
KEPT = ("leaderboard.md", "leaderboard.png", "report.html")
METHOD = AE | {"label": "\u00fc \u2192 \u03b2"}


def call(*words, encoding="utf-8", **streams):
    return subprocess.run(
        [*VIMAE_BENCH, *map(str, words)],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=False,
        timeout=120,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams,
    )


def make_pipe_without_reader():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def make_terminal_without_user():
    user, terminal = pty.openpty()
    os.close(user)
    return terminal


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A benchmark, run once in a terminal that has no Greek letters and no arrows: its file and options."""
    folder = tmp_path_factory.mktemp("small")
    text = make_benchmark(
        seeds=[0], metrics=["reconstruction"], reporters=["console"], training={"epochs": 1}, method=[METHOD]
    )
    (folder / "small.toml").write_text(text, encoding="utf-8")
    words = (folder / "small.toml", "--results", folder / "results")
    done = call("run", *words, "--data", folder / "data", encoding="latin-1")
    assert done.returncode == 0, done.stderr
    assert "\u00fc ? ?".encode("latin-1") in done.stdout
    return words, folder


@pytest.fixture
def outputs(small):
    """The results folder without what a run shows."""
    folder = next((small[1] / "results").iterdir())
    for name in KEPT:
        (folder / name).unlink()
    yield folder
    for name in KEPT:
        assert (folder / name).stat().st_size


def run_again(small, **streams):
    return call("run", *small[0], "--data", small[1] / "data", **streams)


@pytest.mark.parametrize("make", [make_pipe_without_reader, make_terminal_without_user])
def test_a_run_keeps_its_results_without_a_reader(small, outputs, make):
    nowhere = make()
    assert run_again(small, stdout=nowhere, stderr=nowhere).returncode == 0
    os.close(nowhere)


def test_a_run_keeps_its_results_with_streams_closed_from_the_start(small, outputs):
    words = [*VIMAE_BENCH, "run", *map(str, small[0]), "--data", str(small[1] / "data")]
    assert subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *words], check=False, timeout=120).returncode == 0


def test_a_run_keeps_its_results_before_output_fails(small, outputs):
    with Path("/dev/full").open("wb") as full:
        done = run_again(small, stdout=full)
    assert done.returncode == 4
    assert done.stderr.decode() == "no space left; make room, and give the same command again\n"


@pytest.mark.parametrize("command", ["leaderboard", "plan", "report"])
def test_other_commands_replace_what_a_terminal_cannot_show(small, tmp_path, command):
    more = ("--output", tmp_path / "r\u03b2.html") if command == "report" else ()
    files = small[0][:1] if command == "plan" else small[0]
    done = call(command, *files, *more, encoding="latin-1")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert b"?" in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["leaderboard"], ["figures"], ["--help"]])
def test_output_that_nobody_reads_is_no_failure(small, tmp_path, words):
    with_file = {"leaderboard": small[0], "figures": (*small[0], "--output", tmp_path)}
    nowhere = make_pipe_without_reader()
    done = call(*words, *with_file.get(words[0], ()), stdout=nowhere)
    os.close(nowhere)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert words != ["figures"] or any(tmp_path.iterdir())
