import gc
import os
import pwd

import click
import pytest
from click.testing import CliRunner

from vimae_bench.cli import main
from vimae_bench.cli.options import ExpandedPath, pause_garbage_collection, write_output
from vimae_bench.core.errors import BenchError


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_paused_and_then_as_before(enabled: bool):
    gc.enable() if enabled else gc.disable()
    try:
        with pause_garbage_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_output_is_written_to_a_file_or_printed(tmp_path, capsys):
    write_output("text\n", None)
    write_output("text\n", tmp_path / "out.md")
    assert capsys.readouterr().out == f"text\n{tmp_path / 'out.md'}\n"
    assert (tmp_path / "out.md").read_text() == "text\n"


def test_output_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="cannot be written"):
        write_output("text", tmp_path / "file" / "out.md")


@pytest.mark.parametrize(
    "command", ["run", "plan", "leaderboard", "report", "figures", "doctor", "pack", "sync", "tune"]
)
def test_a_tilde_in_any_path_of_a_command_is_the_home(command, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = main.get_command(click.Context(main), command)
    assert found
    paths = [one for one in found.params if isinstance(one.type, click.Path) and one.type.type is not str]
    assert paths
    for one in paths:
        assert isinstance(one.type, ExpandedPath)
        assert one.type.convert("~/x", one, None) == tmp_path / "x"
        assert one.type.convert("x~/~y", one, None).parts == ("x~", "~y")


def test_a_comparison_reads_a_folder_in_the_home(finished, monkeypatch):
    finished.store.write_benchmark("fig1", "", {"rank_by": "sse"}, finished.entries)
    monkeypatch.setenv("HOME", str(finished.store.path.parent))
    assert CliRunner().invoke(main, ["compare", "~/fig1", "~/fig1"]).exit_code == 0
    assert CliRunner().invoke(main, ["leaderboard", "~/fig1"]).exit_code == 0


@pytest.mark.parametrize(
    "words", [["plugins"], ["schema"], ["data", "list"], ["leaderboard", "fig1"], ["doctor", "fig1"]]
)
def test_commands_work_without_a_home(finished, monkeypatch, fresh_catalog, words):
    def fail(_):
        raise KeyError

    finished.store.write_benchmark("fig1", "", {"rank_by": "sse"}, finished.entries)
    monkeypatch.chdir(finished.store.path.parent)
    for name in ("HOME", "XDG_CACHE_HOME", "VIMAE_BENCH_CACHE", "VIMAE_BENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", fail)
    monkeypatch.setattr("tempfile.tempdir", str(finished.store.path.parent))
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert not os.path.lexists("~")
