"""A process for each run: whatever one of them does, the others are not affected."""

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
import torch

from helpers import TESTS_FOLDER
from helpers.worker_behaviours import (
    BEHAVIOURS,
    behave,
    leave_a_child,
    make_job,
    run_out_of_memory,
    save_when_asked,
    wait_once,
    wait_to_be_killed,
    write_devices,
)
from vimae_bench.engine.runner import run_jobs
from vimae_bench.execution import (
    ExitCode,
    Job,
    JobEnded,
    JobStarted,
    MatrixEntry,
    Note,
    PluginSpec,
    Run,
    RunFolder,
    Tick,
    Training,
)
from vimae_bench.plugin import BenchError
from vimae_builtin.executors.inline import Inline
from vimae_builtin.executors.local import Local
from vimae_builtin.executors.local.worker import query_free_memory, start_server

pytestmark = pytest.mark.medium


@pytest.fixture
def helpers_importable(monkeypatch):
    """For the processes that a test starts."""
    monkeypatch.setenv("PYTHONPATH", TESTS_FOLDER)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_dying_process_affects_no_other_run(tmp_path):
    jobs = [make_job(tmp_path, seed) for seed in range(len(BEHAVIOURS))]
    ends = {e.job.entry.label: e for e in Local(jobs=2, timeout=8)(jobs, behave) if isinstance(e, JobEnded)}
    assert {label: e.exit_code for label, e in ends.items()} == {
        "ends well": 0,
        "raises": 1,
        "is killed": -signal.SIGKILL,
        "crashes": -signal.SIGSEGV,
        "exits": 3,
        "hangs": -signal.SIGKILL,
        "ends well too": 0,
        "exits as an orphan": 255,
    }
    assert ends["hangs"].reason == "stopped after 8 s, its time"
    assert not any(e.reason for label, e in ends.items() if label != "hangs")
    assert "a word for the log" in (tmp_path / "0" / "log.txt").read_text()
    assert "RuntimeError: on purpose" in (tmp_path / "1" / "log.txt").read_text()


@pytest.mark.parametrize("jobs", [1, 3])
def test_exit_code_of_an_orphan_is_that_of_a_process_whose_server_lives(tmp_path, jobs):
    """Also where others are started and end at the same time."""
    fate = BEHAVIOURS.index("exits as an orphan")
    events = [*Local(jobs=jobs)([make_job(tmp_path, fate, seed) for seed in range(9)], behave)]
    assert [e.exit_code for e in events if isinstance(e, JobEnded)] == [255] * 9
    assert not any("was killed" in e.text for e in events if isinstance(e, Note))


def test_run_that_exits_as_an_orphan_has_failed(tmp_path):
    job = make_job(tmp_path, BEHAVIOURS.index("exits as an orphan"))
    assert run_jobs([job], Local(jobs=1), [], work=behave) == [job]
    assert "ended with exit code 255 without a record" in RunFolder(job.folder).read_record()["reason"]


def test_no_more_runs_than_slots_go_side_by_side(tmp_path):
    side_by_side, most = 0, 0
    for event in Local(jobs=2)([make_job(tmp_path, 0)] * 5, behave):
        side_by_side += {JobStarted: 1, JobEnded: -1}.get(type(event), 0)
        most = max(most, side_by_side)
    assert most == 2


def test_ending_early_ends_the_runs_in_progress(tmp_path):
    events = Local(jobs=1)([make_job(tmp_path, BEHAVIOURS.index("hangs"))], behave)
    assert isinstance(next(events), JobStarted)
    pid = tmp_path / str(BEHAVIOURS.index("hangs")) / "pid"
    while not pid.exists():
        next(events)
    events.close()
    assert not alive(int(pid.read_text()))


def test_workers_end_with_a_scheduler_that_is_killed(tmp_path, helpers_importable):
    code = (
        "from pathlib import Path; from helpers import worker_behaviours as behaviours\n"
        "from vimae_builtin.executors.local import Local\n"
        "if __name__ == '__main__': list(Local(jobs=1)([behaviours.make_job(Path({folder!r}), 5)], behaviours.behave))"
    )
    script = tmp_path / "script.py"
    script.write_text(code.format(folder=str(tmp_path)))
    scheduler = subprocess.Popen([sys.executable, script])
    pid = tmp_path / "5" / "pid"
    deadline = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    scheduler.kill()
    scheduler.wait()
    deadline = time.monotonic() + 60
    while alive(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(pid.read_text()))


def test_second_signal_ends_runs_at_once(tmp_path, helpers_importable):
    code = (
        "from pathlib import Path; from helpers import worker_behaviours as behaviours\n"
        "from vimae_bench.execution import signals\nfrom vimae_bench.engine.runner import run_jobs\n"
        "from vimae_builtin.executors.local import Local\n"
        "if __name__ == '__main__':\n with signals.install_handlers():\n"
        "  run_jobs([behaviours.make_job(Path({folder!r}), 5)], Local(jobs=1), [], work=behaviours.behave)"
    )
    script = tmp_path / "script.py"
    script.write_text(code.format(folder=str(tmp_path)))
    scheduler = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "5" / "pid"
    while scheduler.poll() is None and not (pid.exists() and pid.read_text()):
        time.sleep(0.05)
    scheduler.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert scheduler.poll() is None, "it waits for the worker, which does not end"
    scheduler.send_signal(signal.SIGTERM)
    _, errors = scheduler.communicate(timeout=60)
    assert errors.splitlines()[-1] == "vimae_bench.execution.signals.Interrupted: SIGTERM"
    assert not alive(int(pid.read_text()))


def test_what_a_worker_started_ends_with_it(tmp_path):
    (end,) = (e for e in Local(jobs=1)([make_job(tmp_path, 0)], leave_a_child) if isinstance(e, JobEnded))
    assert end.exit_code == -signal.SIGKILL
    child = int((tmp_path / "0" / "child").read_text())
    deadline = time.monotonic() + 60
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def test_lock_of_a_library_in_a_worker_is_not_reported_as_leaked(tmp_path, helpers_importable):
    code = (
        "from pathlib import Path; from helpers import worker_behaviours as behaviours\n"
        "from vimae_bench.execution import JobEnded; from vimae_builtin.executors.local import Local\n"
        f"if __name__ == '__main__':\n jobs = [behaviours.make_job(Path({str(tmp_path)!r}), 0)]\n"
        " events = Local(jobs=1)(jobs, behaviours.hold_a_lock)\n"
        " print([e.exit_code for e in events if isinstance(e, JobEnded)])"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0]"
    assert "leaked" not in done.stderr


def test_a_worker_asked_to_end_says_that_it_can_be_taken_up_again(tmp_path):
    events = Local(jobs=1)([make_job(tmp_path, 0)], wait_to_be_killed)
    next(events)
    while not (tmp_path / "0" / "pid").exists():
        next(events)
    os.kill(int((tmp_path / "0" / "pid").read_text()), signal.SIGTERM)
    assert [e.exit_code for e in events if isinstance(e, JobEnded)] == [ExitCode.INTERRUPTED]


def kill_server(after: float = 0.0) -> None:
    time.sleep(after)
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)


def test_runs_whose_server_is_killed_have_time_for_a_checkpoint(tmp_path):
    jobs, seen = [make_job(tmp_path, 0, seed) for seed in range(2)], []
    for event in Local(jobs=2)(jobs, save_when_asked):
        seen.append(event)
        if len(pids := list(tmp_path.glob("*/pid"))) == 2 and not any(isinstance(e, Note) for e in seen):
            kill_server()
    assert [e.exit_code for e in seen if isinstance(e, JobEnded)] == [ExitCode.INTERRUPTED] * 2
    notes = [e.text for e in seen if isinstance(e, Note)]
    assert 1 <= len(notes) <= 2  # of workers that are seen to be alone at once, or one after the other
    assert {note.partition(";")[0] for note in notes} == {
        "the process that starts workers was killed and is started again"
    }
    assert not any(alive(int(pid.read_text())) for pid in pids)
    assert all((job.folder / "checkpoint").exists() for job in jobs)


def test_run_whose_server_was_killed_is_done_by_the_next(tmp_path):
    job, struck = make_job(tmp_path, 0), []

    def striking(jobs, events):
        for event in events:
            if (job.folder / "pid").exists() and not struck:
                struck.append(kill_server())
            yield event

    assert run_jobs([job], Local(jobs=1), [striking], work=wait_once) == [job], "it did not say that it ended"
    assert "exit code 0 without a record" in RunFolder(job.folder).read_record()["reason"]


@pytest.mark.parametrize("kills", [1, 3])
def test_server_killed_while_it_loads_is_started_again_a_few_times(tmp_path, monkeypatch, kills):
    def start_stopped_server(modules=()):
        context = start_server(modules)
        if len(killers) < kills:
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGSTOP)  # as one that loads: it does not answer
            killers.append(threading.Thread(target=kill_server, args=(0.5,)))
            killers[-1].start()
        return context

    killers: list[threading.Thread] = []
    monkeypatch.setattr("vimae_builtin.executors.local.worker.start_server", start_stopped_server)
    events = Local(jobs=1)([make_job(tmp_path, 0)], behave)
    if kills == 3:
        with pytest.raises(BenchError, match="was killed 3 times"):
            list(events)
    else:
        note, *_, end = events
        assert note == Note("the process that starts workers was killed while it loaded, and was started again")
        assert end.exit_code == 0


def share(executor, jobs):
    """How many runs may share each device, as the jobs that are started say."""
    started = [e.job for e in executor(jobs, behave) if isinstance(e, JobStarted)]
    return {job.device: job.max_concurrent for job in started}


@pytest.fixture
def three_gpus(monkeypatch):
    """GPUs that are counted by their names alone; whoever asks them for memory gets none."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b,MIG-c")
    forkserver._forkserver._stop()  # workers have the environment that their server was started in
    yield
    forkserver._forkserver._stop()


@pytest.mark.parametrize(("threads", "count"), [(1, 4), (2, 2), (4, 1), (8, 1)])
def test_as_many_runs_go_side_by_side_as_there_are_cores_for_their_threads(tmp_path, monkeypatch, threads, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    plain = PluginSpec("toy")
    run = Run(plain, plain, plain, plain, 2, Training(threads=threads), 0)
    jobs = [Job("toy", MatrixEntry("x", run, ()), tmp_path, tmp_path)] * 5
    assert share(Local(device="cpu"), jobs) == {"cpu": count}
    assert share(Local(device="cpu", jobs=3), jobs) == {"cpu": 3}
    assert share(Local(device="cpu", jobs=3), jobs[:2]) == {"cpu": 2}


def test_what_is_chosen_on_a_cpu_is_reported_once_and_what_the_user_chose_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(2)))
    jobs = [make_job(tmp_path, seed) for seed in (0, 6)]
    notes = [e.text for e in Local(device="cpu")(jobs, behave) if isinstance(e, Note)]
    assert notes == ["2 runs at a time: 2 cores, 1 thread each"]
    assert not [e for e in Local(device="cpu", jobs=2)(jobs, behave) if isinstance(e, Note)]
    assert not [e for e in Local(device="cpu")(jobs[:1], behave) if isinstance(e, Note)]


def test_runs_are_divided_among_gpus(tmp_path, three_gpus):
    jobs = [make_job(tmp_path, 0, seed) for seed in range(5)]
    assert share(Local(jobs=4), jobs) == {"cuda:0": 2, "cuda:1": 1, "cuda:2": 1}
    assert share(Local(jobs=2), jobs) == {"cuda:0": 1, "cuda:1": 1}
    assert share(Local(jobs=2, device="cuda:1"), jobs) == {"cuda:1": 2}


def test_a_gpu_without_free_memory_has_one_run_at_a_time(tmp_path, three_gpus):
    jobs = [make_job(tmp_path, 0, seed) for seed in range(2)]
    events = list(Local(device="cuda:1")(jobs, behave))
    assert {e.job.max_concurrent for e in events if isinstance(e, JobStarted)} == {1}
    (note,) = (e.text for e in events if isinstance(e, Note))
    assert note.startswith("one run at a time on cuda:1: 0 GiB of memory available")


def test_a_worker_sees_its_own_gpu_alone(tmp_path, three_gpus):
    events = list(Local(device="cuda:1", jobs=1)([make_job(tmp_path, 0)], write_devices))
    started = next(e for e in events if isinstance(e, JobStarted))
    assert started.job.device == "cuda:1"
    assert (tmp_path / "0" / "report").read_text() == "MIG-b cuda:0"


def test_the_memory_of_a_gpu_is_asked_by_another_process():
    (free,) = query_free_memory(start_server(), ["cuda:0"])
    assert (free > 0) == (torch.cuda.device_count() > 0)
    assert not torch.cuda.is_initialized()


@pytest.mark.parametrize("seeds", [(0, 1, 2, 3), (1, 0, 2, 3)])
@pytest.mark.parametrize(("fate", "what"), [("ends well", "ran out of memory"), ("is killed", "was killed")])
def test_run_out_of_memory_on_a_shared_device_is_retried_alone(tmp_path, seeds, fate, what):
    jobs = [make_job(tmp_path, BEHAVIOURS.index(fate), seed) for seed in seeds]
    events = [e for e in Local(device="cpu", jobs=2)(jobs, run_out_of_memory) if not isinstance(e, Tick)]
    assert sum(isinstance(e, JobStarted) for e in events) == 4
    ends = [e for e in events if isinstance(e, JobEnded)]
    assert [e.exit_code for e in ends] == [0] * 4
    assert ends[-1].job.entry.run.seed == 1
    assert [e.text for e in events if isinstance(e, Note)] == [
        f"{fate} s1 {what} while it shared cpu with other runs; it is tried again alone at the end, "
        "and cpu goes on with one run at a time"
    ]


def test_a_run_that_runs_out_of_memory_alone_has_failed(tmp_path):
    (end,) = [e for e in Local(device="cpu", jobs=1)([make_job(tmp_path, 2)], behave) if isinstance(e, JobEnded)]
    assert end.exit_code == -signal.SIGKILL


def test_inline_carries_out_one_after_another_in_this_process(tmp_path):
    events = list(Inline()([make_job(tmp_path, 0), make_job(tmp_path, 6)], lambda one: one.entry.run.seed))
    assert [type(e) for e in events] == [JobStarted, JobEnded, JobStarted, JobEnded]
    assert [e.exit_code for e in events if isinstance(e, JobEnded)] == [0, 6]


def test_gpus_that_are_asked_for_and_not_there_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(BenchError, match="there is no device 'cuda' here; torch finds cpu"):
        next(Local(device="cuda")([make_job(tmp_path, 0)], behave))
    assert set(share(Local(), [make_job(tmp_path, 0)])) == {"cpu"}
