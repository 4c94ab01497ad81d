"""File systems that refuse locks are reported before anything is trained; who holds a lock is said."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from filelock import Timeout

from helpers.benchmarks import make_benchmark
from vimae_bench.cli import main
from vimae_bench.core.errors import ResultsError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage import locks
from vimae_bench.storage.array_cache import cached_arrays
from vimae_bench.storage.locks import check_locks, describe_lock_holder, make_lock, wait_for_lock

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


@pytest.mark.parametrize("refusal", [errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get, indirect=True)
def test_a_lock_that_is_refused_in_the_middle_of_a_run_is_named(tmp_path, refusal):
    lock = make_lock(tmp_path / ".lock", 0)
    with pytest.raises(ResultsError, match=f"{tmp_path}: its file system refuses locks"):
        lock.acquire()


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


HOLDER = """
import sys, time, filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print(flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def hold_lock(path: Path):
    """Another process that holds a lock until the end of the block."""
    going = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    try:
        going.stdout.readline()
        yield going
    finally:
        going.kill()
        going.wait()
        going.stdout.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds who holds a lock through /proc")
def test_who_holds_a_lock_is_known_and_whether_it_is_stopped(tmp_path):
    path = tmp_path / "a.lock"
    with hold_lock(path) as other:
        assert describe_lock_holder(path) == f"process {other.pid}"
        other.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
        stopped = f"process {other.pid} (it is stopped; `kill -CONT {other.pid}` lets it go on)"
        assert describe_lock_holder(path) == stopped
    assert describe_lock_holder(path) == "another process"
    assert describe_lock_holder(tmp_path / "missing") == "another process"


def test_a_lock_that_another_process_holds_is_waited_for_and_that_is_said_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "FIRST_LINE_SECONDS", 0.05)
    monkeypatch.setattr(locks, "NEXT_LINE_SECONDS", 0.05)
    path, lines = tmp_path / "a.lock", []
    other = make_lock(path, 0)
    other.acquire()

    def hear(line):
        lines.append(line)
        if len(lines) == 2:
            other.release()

    with wait_for_lock(path, hear), pytest.raises(Timeout):
        make_lock(path, 0).acquire()
    assert len(lines) == 2
    assert lines[0].startswith(f"waiting for {path}, which ")
    make_lock(path, 0).acquire()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds who holds a lock through /proc")
@pytest.mark.parametrize("what", ["data", "cached arrays"])
def test_what_waits_for_another_process_says_for_which_file(tmp_path, monkeypatch, capsys, what):
    monkeypatch.setenv("VIMAE_BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(locks, "FIRST_LINE_SECONDS", 0.05)
    path = tmp_path / ".digits.lock"
    if what == "cached arrays":
        cached_arrays("numbers", {}, lambda: {"x": np.ones(1)})
        (kept,) = tmp_path.rglob("*.npz")
        kept.unlink()
        path = kept.with_suffix(".lock")
    with hold_lock(path) as other:
        monkeypatch.setattr(locks, "NEXT_LINE_SECONDS", 60.0)
        threading.Timer(1.0, other.kill).start()
        if what == "data":
            ensure_prepared(make_plugin("dataset", PluginSpec("digits")), tmp_path, print)
        else:
            assert cached_arrays("numbers", {}, lambda: {"x": np.ones(1)})["x"] == 1
        said = capsys.readouterr()
        assert f"waiting for {path}, which process {other.pid} holds" in said.out + said.err
