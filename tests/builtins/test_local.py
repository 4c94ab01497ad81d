"""A process for each run: whatever one of them does, the others come to their own end."""

import os
import signal
import subprocess
import sys
import time
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
    train_on_shared_device,
    wait_to_be_killed,
    write_devices,
)
from vimae_bench.execution import Job, MatrixEntry, PluginSpec, Run, Training
from vimae_bench.execution.jobs import LEFT
from vimae_bench.plugin import BenchError
from vimae_builtin.executors.inline import Inline
from vimae_builtin.executors.local import Local, machine
from vimae_builtin.executors.local import concurrency as slots
from vimae_builtin.executors.local import process_pool as crew
from vimae_builtin.executors.local.worker import free_memory, server


@pytest.fixture
def helpers_importable(monkeypatch):
    """For the processes that a test starts."""
    monkeypatch.setenv("PYTHONPATH", TESTS_FOLDER)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_one_that_dies_takes_no_other_with_it(tmp_path):
    jobs = [make_job(tmp_path, seed) for seed in range(len(BEHAVIOURS))]
    ends = {e.job.entry.label: e for e in Local(jobs=2, timeout=8)(jobs, behave) if e.kind == "ended"}
    assert {label: e.exit_code for label, e in ends.items()} == {
        "ends well": 0,
        "raises": 1,
        "is killed": -signal.SIGKILL,
        "crashes": -signal.SIGSEGV,
        "exits": 3,
        "hangs": -signal.SIGKILL,
        "ends well too": 0,
    }
    assert ends["hangs"].reason == "stopped after 8 s, its time"
    assert not any(e.reason for label, e in ends.items() if label != "hangs")
    assert "a word for the log" in (tmp_path / "0" / "log.txt").read_text()
    assert "RuntimeError: on purpose" in (tmp_path / "1" / "log.txt").read_text()


def test_no_more_runs_than_slots_go_side_by_side(tmp_path):
    side_by_side, most = 0, 0
    for event in Local(jobs=2)([make_job(tmp_path, 0)] * 5, behave):
        side_by_side += {"started": 1, "ended": -1}.get(event.kind, 0)
        most = max(most, side_by_side)
    assert most == 2


def test_ending_early_ends_the_runs_under_way(tmp_path):
    events = Local(jobs=1)([make_job(tmp_path, BEHAVIOURS.index("hangs"))], behave)
    assert next(events).kind == "started"
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
    deadline = time.monotonic() + 10
    while alive(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(pid.read_text()))


def test_a_second_signal_ends_at_once_what_does_not_end_by_itself(tmp_path, helpers_importable):
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
    _, told = scheduler.communicate(timeout=10)
    assert told.splitlines()[-1] == "vimae_bench.execution.signals.Interrupted: SIGTERM"
    assert not alive(int(pid.read_text()))


def test_what_a_worker_started_ends_with_it(tmp_path):
    (end,) = (e for e in Local(jobs=1)([make_job(tmp_path, 0)], leave_a_child) if e.kind == "ended")
    assert end.exit_code == -signal.SIGKILL
    child = int((tmp_path / "0" / "child").read_text())
    deadline = time.monotonic() + 10
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def test_a_lock_that_a_library_makes_in_a_worker_is_not_told_as_leaked(tmp_path, helpers_importable):
    code = (
        "from pathlib import Path; from helpers import worker_behaviours as behaviours\n"
        "from vimae_builtin.executors.local import Local\n"
        f"if __name__ == '__main__':\n jobs = [behaviours.make_job(Path({str(tmp_path)!r}), 0)]\n"
        " print([e.exit_code for e in Local(jobs=1)(jobs, behaviours.hold_a_lock) if e.kind == 'ended'])"
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
    assert [e.exit_code for e in events if e.kind == "ended"] == [LEFT]


def shares(executor, jobs):
    devices, _ = executor.slots(jobs)
    return {one.device: one.limit for one in devices}


@pytest.fixture
def one_gpu(monkeypatch):
    """A GPU with 80 GiB of memory, none of which a fake run takes, and four cores."""
    monkeypatch.setattr(machine, "_count", lambda: 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    monkeypatch.setattr(crew, "free_memory", lambda context, devices: [80 * 2**30 for _ in devices])
    monkeypatch.setattr(slots, "SECONDS", 0.1)


@pytest.mark.parametrize(("threads", "count"), [(1, 4), (2, 2), (4, 1), (8, 1)])
def test_as_many_runs_go_side_by_side_as_there_are_cores_for_their_threads(tmp_path, monkeypatch, threads, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    plain = PluginSpec("toy")
    run = Run(plain, plain, plain, plain, 2, Training(threads=threads), 0)
    jobs = [Job("toy", MatrixEntry("x", run, ()), tmp_path, tmp_path)] * 9
    assert shares(Local(device="cpu"), jobs) == {"cpu": count}
    assert shares(Local(device="cpu", jobs=3), jobs) == {"cpu": 3}


def test_what_is_chosen_on_a_cpu_is_told_once_and_what_the_user_chose_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(2)))
    jobs = [make_job(tmp_path, seed) for seed in (0, 6)]
    notes = [e.reason for e in Local(device="cpu")(jobs, behave) if e.kind == "note"]
    assert notes == ["2 runs side by side: 2 cores, 1 thread each"]
    assert not [e for e in Local(device="cpu", jobs=2)(jobs, behave) if e.kind == "note"]


def sharing(executor, jobs):
    return [e.job.max_concurrent for e in executor(jobs, behave) if e.kind == "started"]


def test_an_order_says_how_many_runs_may_share_its_device(tmp_path, one_gpu):
    jobs = [make_job(tmp_path, 0, seed) for seed in range(3)]
    assert sharing(Local(device="cpu", jobs=2), jobs) == [2, 2, 2]
    assert sharing(Local(device="cpu", jobs=2), jobs[:1]) == [1]
    assert sharing(Local(device="cpu"), jobs[:1]) == [1]
    assert sharing(Local(), jobs)[0] == 4  # it may come to as many as there are cores for


def test_every_gpu_begins_with_one_run(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_count", lambda: 3)
    jobs = [make_job(tmp_path, 0)] * 5
    assert shares(Local(), jobs) == {"cuda:0": 1, "cuda:1": 1, "cuda:2": 1}
    assert shares(Local(device="cuda:1"), jobs) == {"cuda:1": 1}
    assert shares(Local(jobs=4), jobs) == {"cuda:0": 2, "cuda:1": 1, "cuda:2": 1}
    assert shares(Local(jobs=2), jobs) == {"cuda:0": 1, "cuda:1": 1}


def test_runs_are_added_to_a_gpu_until_one_more_does_not_pay(tmp_path, one_gpu):
    """The fake device serves two runs at full speed, and shares that out among more."""
    started, notes = 0, []
    events = Local()([make_job(tmp_path, 0, seed) for seed in range(9)], train_on_shared_device)
    for event in events:
        started += event.kind == "started"
        if event.kind == "note":
            notes.append(event.reason)
            break
    events.close()
    assert started == 3
    assert notes[0].startswith("2 runs side by side on cuda:0: one more ")


def test_a_worker_sees_its_own_gpu_alone(tmp_path, one_gpu):
    events = list(Local(device="cuda")([make_job(tmp_path, 0)], write_devices))
    started = next(e for e in events if e.kind == "started")
    assert started.job.device == "cuda:0"
    assert (tmp_path / "0" / "report").read_text() == "0 cuda:0"


def test_the_memory_of_a_gpu_is_asked_by_another_process():
    (free,) = free_memory(server(), ["cuda:0"])
    assert (free > 0) == (torch.cuda.device_count() > 0)
    assert not torch.cuda.is_initialized()


@pytest.mark.parametrize("seeds", [(0, 1, 2, 3), (1, 0, 2, 3)])
@pytest.mark.parametrize(("fate", "what"), [("ends well", "ran out of memory"), ("is killed", "was killed")])
def test_a_run_that_runs_out_of_memory_beside_others_is_tried_again_alone(tmp_path, seeds, fate, what):
    jobs = [make_job(tmp_path, BEHAVIOURS.index(fate), seed) for seed in seeds]
    events = [e for e in Local(device="cpu", jobs=2)(jobs, run_out_of_memory) if e.kind != "tick"]
    assert sum(e.kind == "started" for e in events) == 4
    ends = [e for e in events if e.kind == "ended"]
    assert [e.exit_code for e in ends] == [0] * 4
    assert ends[-1].job.entry.run.seed == 1
    assert [e.reason for e in events if e.kind == "note"] == [
        f"{fate} s1 {what} beside other runs on cpu; it is tried again alone at the end, "
        "and cpu goes on with one run at a time"
    ]


def test_a_run_that_runs_out_of_memory_alone_has_failed(tmp_path):
    (end,) = [e for e in Local(device="cpu", jobs=1)([make_job(tmp_path, 2)], behave) if e.kind == "ended"]
    assert end.exit_code == -signal.SIGKILL


def test_inline_carries_out_one_after_another_in_this_process(tmp_path):
    events = list(Inline()([make_job(tmp_path, 0), make_job(tmp_path, 6)], lambda one: one.entry.run.seed))
    assert [(e.kind, e.exit_code) for e in events] == [("started", None), ("ended", 0), ("started", None), ("ended", 6)]


def test_gpus_that_are_asked_for_and_not_there_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_count", lambda: 0)
    with pytest.raises(BenchError, match="there is no device 'cuda' here; torch finds cpu"):
        next(Local(device="cuda")([make_job(tmp_path, 0)], behave))
    assert set(shares(Local(), [make_job(tmp_path, 0)])) == {"cpu"}
