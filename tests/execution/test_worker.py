"""The output and the exit code of a job in a worker process."""

import os
import signal
import sys

import pytest

from helpers.worker_behaviours import make_job
from vimae_bench.execution import ExitCode, RunFolder, perform_job, redirect_output, signals


def describe_outputs():
    """Which files the standard output and error of this process are."""
    return [(status.st_dev, status.st_ino) for status in map(os.fstat, (1, 2))]


def read_log(job):
    return RunFolder(job.folder).log.read_text()


def test_what_is_printed_goes_to_the_log_of_the_run(tmp_path, capfd):
    job = make_job(tmp_path, 0)

    def work(_):
        print("from Python")
        os.write(2, b"from a library\n")
        return 3

    before = describe_outputs()
    with capfd.disabled():
        assert perform_job(work, job) == 3
    assert sorted(read_log(job).splitlines()) == ["from Python", "from a library"]
    assert describe_outputs() == before


def test_traceback_of_an_error_is_in_the_log(tmp_path, capfd):
    job = make_job(tmp_path, 0)
    with pytest.raises(ZeroDivisionError), capfd.disabled():
        perform_job(lambda _: 1 // 0, job)
    assert "ZeroDivisionError" in read_log(job)


def test_signal_gives_the_exit_code_of_an_interrupted_job(tmp_path):
    job = make_job(tmp_path, 0)
    before = signal.signal(signal.SIGTERM, signals.handle_in_worker)
    try:
        assert perform_job(lambda _: os.kill(os.getpid(), signal.SIGTERM) or 0, job) == ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "Traceback" not in read_log(job)


def test_full_disk_gives_its_exit_code(tmp_path):
    job = make_job(tmp_path, 0)

    def fill(_):
        raise OSError(28, "No space left on device")

    assert perform_job(fill, job) == ExitCode.NO_SPACE


def test_output_is_restored_when_the_log_cannot_be_written(tmp_path, monkeypatch):
    def fail():
        raise OSError(28, "No space left on device")

    before = describe_outputs()
    with monkeypatch.context() as patch:
        patch.setattr(sys.stdout, "flush", fail)
        with pytest.raises(OSError, match="No space"), redirect_output(tmp_path / "log.txt"):
            pass
    assert describe_outputs() == before
