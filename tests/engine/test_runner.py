"""Jobs passed to executors, with other processes on the same folder, and what happens to jobs that die."""

import os
import signal
import sys
from dataclasses import replace

import pytest
from filelock import FileLock

from vimae_bench.core.errors import BenchError, ResultsError
from vimae_bench.engine import scheduler
from vimae_bench.engine.runner import list_jobs, run_jobs, share_jobs
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import ExitCode, JobEnded, JobRequeued, JobStarted, MatrixEntry, Note, Tick, signals
from vimae_bench.execution.signals import Interrupted
from vimae_bench.storage.run_folder import RunFolder, read_events
from vimae_bench.storage.store import ResultsFolder
from vimae_builtin.executors.inline import Inline

pytestmark = pytest.mark.medium


def read_record(job):
    return RunFolder(job.folder).read_record()


def test_run_in_two_rows_is_done_once(job, data, tmp_path):
    one = job()
    twin = MatrixEntry("twin", one.entry.run, one.entry.metrics)
    assert len(list_jobs(ResultsFolder(tmp_path / "small"), "small", [one.entry, twin], data)) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-9, "the worker was stopped by SIGKILL (was the machine out of memory?); see"),
        (-11, "the worker was stopped by SIGSEGV; see"),
        (0, "the worker ended with exit code 0 without a record; see"),
        (3, "the worker ended with exit code 3 without a record; see"),
    ],
)
def test_record_of_a_dead_worker_says_how_it_died(job, code, reason):
    one = job()

    def dying(jobs, work):
        yield JobStarted(jobs[0])
        yield JobEnded(jobs[0], code)

    assert run_jobs([one], dying, []) == [one]
    assert read_record(one)["reason"].startswith(reason)
    assert execute_job(one) == ExitCode.DONE, "and the run is taken up again"


def make_seeds(job, count):
    return [job(run=replace(job().entry.run, seed=seed)) for seed in range(count)]


@pytest.mark.parametrize("done", [True, False])
def test_runs_whose_end_an_executor_does_not_report_are_named_and_not_lost(job, done):
    """Each has ended as its files say: one that is not done has not failed, and is taken up by the next `run`."""
    jobs, notes = make_seeds(job, 3), []

    def forgetting(jobs, work):
        for one in jobs[:2] if not done else jobs:
            yield JobStarted(one)
            code = work(one)
            if one is jobs[0]:
                yield JobEnded(one, code)

    def watching(jobs, events):
        for event in events:
            notes.extend([event.text] if isinstance(event, Note) else [])
            yield event

    assert run_jobs(jobs, forgetting, [watching]) == ([] if done else jobs[2:])
    names = ", ".join(f"{one.entry.label} s{one.entry.run.seed}" for one in jobs[1:])
    assert [note.partition(";")[0] for note in notes] == [f"the executor ended without saying how {names} ended"]
    assert [read_record(one).get("status") for one in jobs] == ["done", "done", "done" if done else None]
    assert run_jobs(jobs[2:], Inline(), []) == []


@pytest.mark.parametrize("when", ["called", "started", "between", "closed"])
def test_an_executor_that_raises_ends_the_command_in_a_line(job, when):
    jobs = make_seeds(job, 2)

    def failing(jobs, work):
        if when == "started":
            raise ZeroDivisionError("on purpose")
        try:
            yield JobStarted(jobs[0])
            yield JobEnded(jobs[0], work(jobs[0]))
            if when == "between":
                raise ZeroDivisionError("on purpose")
        finally:
            if when == "closed":
                raise ZeroDivisionError("on purpose")

    line = r"^the executor failed: (ZeroDivisionError: on purpose|TypeError: .*); what is done is kept[^\n]*$"
    with pytest.raises(BenchError, match=line):
        run_jobs(jobs, (lambda *_: None) if when == "called" else failing, [])
    assert read_record(jobs[0]).get("status") == (None if when in ("called", "started") else "done")
    assert run_jobs(jobs, Inline(), []) == []


def test_the_second_end_of_a_run_changes_nothing(job):
    one = job()

    def repeating(jobs, work):
        yield from Inline()(jobs, work)
        yield JobEnded(jobs[0], 3)

    assert run_jobs([one], repeating, []) == []
    assert read_record(one)["status"] == "done"


def test_run_that_another_process_finishes_is_waited_for(job):
    one, kinds = job(), []
    other = FileLock(RunFolder(one.folder).lock)

    def watching(jobs, events):
        for event in events:
            kinds.append((type(event), getattr(event, "exit_code", None)))
            if isinstance(event, Tick) and other.is_locked:
                other.release()
                assert execute_job(one) == ExitCode.DONE
            yield event

    one.folder.mkdir(parents=True)
    other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    assert kinds == [(JobStarted, None), (JobRequeued, None), (Tick, None), (JobEnded, ExitCode.DONE)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds who holds a lock through /proc")
def test_run_that_is_waited_for_is_named_with_the_process_that_holds_it(job, monkeypatch):
    one, notes, ticks = job(), [], []
    other = FileLock(RunFolder(one.folder).lock)
    monkeypatch.setattr(scheduler, "FIRST_LINE_SECONDS", 0.0)

    def watching(jobs, events):
        for event in events:
            notes.extend([event.text] if isinstance(event, Note) else [])
            ticks.extend([event] if isinstance(event, Tick) else [])
            if len(ticks) == 2:
                other.release()
            yield event

    one.folder.mkdir(parents=True)
    other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    label = one.entry.label
    assert notes == [f"waiting for {label} s{one.entry.run.seed}, which process {os.getpid()} holds"], "said once"


@pytest.mark.parametrize("waits", [False, True])
def test_finished_run_without_its_last_event_is_done(job, waits):
    one = job()
    assert execute_job(one) == ExitCode.DONE
    whole = RunFolder(one.folder).events.read_bytes().splitlines(keepends=True)
    RunFolder(one.folder).events.write_bytes(b"".join(whole[:-1]))
    other = FileLock(RunFolder(one.folder).lock)

    def watching(jobs, events):
        for event in events:
            if isinstance(event, Tick):
                other.release()
            yield event

    if waits:
        other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    assert len(list(read_events(RunFolder(one.folder).events))) == len(whole)
    assert RunFolder(one.folder).has_ended


def test_run_whose_process_dies_is_taken_over(job):
    one, kinds = job(), []
    other = FileLock(RunFolder(one.folder).lock)

    def watching(jobs, events):
        for event in events:
            kinds.append(type(event))
            if isinstance(event, Tick):
                other.release(force=True)
            yield event

    one.folder.mkdir(parents=True)
    other.acquire()
    assert run_jobs([one], Inline(), [watching]) == []
    assert kinds == [JobStarted, JobRequeued, Tick, JobStarted, JobEnded]
    assert read_record(one)["status"] == "done"


def test_share_leaves_runs_of_other_processes(job):
    one, notes = job(), []

    def watching(jobs, events):
        for event in events:
            notes.extend([event.text] if isinstance(event, Note) else [])
            yield event

    one.folder.mkdir(parents=True)
    with FileLock(RunFolder(one.folder).lock):
        assert run_jobs([one], Inline(), [watching], wait=False) == []
    assert notes[-1] == "1 run is in progress in another process"


def test_run_interrupted_again_and_again_is_given_up(job):
    one, starts = job(), []

    def hopeless(jobs, work):
        starts.append(jobs)
        yield JobEnded(jobs[0], ExitCode.INTERRUPTED)

    assert run_jobs([one], hopeless, []) == [one]
    assert len(starts) == 4
    assert read_record(one) == {}, "it has not failed"


def test_full_disk_ends_the_benchmark_with_a_message(job):
    one, ended = job(), []

    def full(jobs, work):
        try:
            yield JobEnded(jobs[0], ExitCode.NO_SPACE)
            pytest.fail("it went on")
        finally:
            ended.append("runs")

    with pytest.raises(ResultsError, match="no space left; make room and run the same command again"):
        run_jobs([one], full, [])
    assert ended == ["runs"]
    assert not RunFolder(one.folder).record.exists(), "there is no room for it"


@pytest.mark.parametrize("when", ["runs are in progress", "a run of another process is waited for"])
def test_moved_folder_ends_the_runs_and_is_not_made_again(job, when, tmp_path):
    one, ended = job(), []
    one.folder.mkdir(parents=True)
    other = FileLock(RunFolder(one.folder).lock)

    def executor(jobs, work):
        try:
            if when == "runs are in progress":
                (tmp_path / "small").rename(tmp_path / "elsewhere")
            yield JobEnded(jobs[0], ExitCode.INTERRUPTED)
        finally:
            ended.append("runs")

    def moving(jobs, events):
        for event in events:
            if isinstance(event, Tick):
                (tmp_path / "small").rename(tmp_path / "elsewhere")
            yield event

    with other, pytest.raises(ResultsError, match="small: was moved or removed, and nothing more is written there"):
        run_jobs([one], executor, [moving])
    assert ended == ["runs"]
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runs_in_progress_end_before_a_signal_is_raised(job, number):
    one, ended, notes = job(), [], []

    def executor(jobs, work):
        try:
            while True:
                yield Tick()
        finally:
            ended.append("runs")

    def watching(jobs, events):
        for event in events:
            notes.extend([event.text] if isinstance(event, Note) else [])
            signals.handle_in_worker(number)
            yield event

    with pytest.raises(Interrupted) as caught:
        run_jobs([one], executor, [watching])
    assert caught.value.number == number
    assert ended == ["runs"]
    assert notes[-1].startswith("stopping: the runs in progress write their checkpoints")


def test_shares_begin_with_their_own_jobs():
    todo = list("abcdefg")
    assert share_jobs(todo, 2, 3) == ["b", "e", "g", "f", "d", "c", "a"]
    assert sorted(share_jobs(todo, 3, 3)) == todo


def test_interrupt_in_a_reporter_ends_runs_first(job):
    one, ended = job(), []

    def executor(jobs, work):
        try:
            yield JobStarted(jobs[0])
            yield Tick()
        finally:
            ended.append("runs")

    def interrupted(jobs, events):
        for _ in events:
            raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        run_jobs([one], executor, [interrupted])
    assert ended == ["runs"]
