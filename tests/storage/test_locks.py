"""File systems that refuse locks are reported before anything is trained."""

import errno
import fcntl
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from helpers.benchmarks import make_benchmark
from vimae_bench.cli import main
from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.locks import check_locks

REFUSALS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@pytest.fixture(params=REFUSALS, ids=errno.errorcode.get)
def refusal(request, monkeypatch) -> str:
    """What a file system says that refuses locks."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    return os.strerror(request.param)


def test_a_file_system_that_refuses_locks_is_named_with_what_it_says(tmp_path, refusal):
    with pytest.raises(ResultsError) as raised:
        check_locks(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}: its file system refuses locks ({refusal}); choose a folder")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds names of files through /proc")
@pytest.mark.parametrize(("folder", "code"), [("results", 4), ("data", 2)])
def test_a_run_on_such_a_file_system_ends_before_training(tmp_path, monkeypatch, folder, code):
    real = fcntl.flock

    def refuse_in_folder(file, operation):
        number = file if isinstance(file, int) else file.fileno()
        if Path(f"/proc/self/fd/{number}").readlink().is_relative_to(tmp_path / folder):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", refuse_in_folder)
    (tmp_path / "small.toml").write_text(make_benchmark())
    words = ["--results", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, ["run", str(tmp_path / "small.toml"), *words])
    assert done.exit_code == code, done.output
    assert done.output.count("No locks available") == 1
    assert str(tmp_path / folder) in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.rglob("events.jsonl"))


def test_a_folder_that_can_be_locked_is_left_as_it_was(tmp_path):
    check_locks(tmp_path)
    assert not list(tmp_path.iterdir())
