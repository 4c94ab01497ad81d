"""A process for each run: whatever one of them does, the others come to their own end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vimae_bench import BenchError, Cell, Choice, Order, Run, Training
from vimae_builtin.executors.inline import Inline
from vimae_builtin.executors.local import Local
from vimae_builtin.executors.local.worker import INTERRUPTED

sys.path.insert(0, str(Path(__file__).parent))  # for worker processes too
from fates import FATES, order, patient, work


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_one_that_dies_takes_no_other_with_it(tmp_path):
    orders = [order(tmp_path, seed) for seed in range(len(FATES))]
    ends = {e.order.cell.label: e for e in Local(jobs=2, timeout=8)(orders, work) if e.kind == "ended"}
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
    for event in Local(jobs=2)([order(tmp_path, 0)] * 5, work):
        side_by_side += {"started": 1, "ended": -1, "tick": 0}[event.kind]
        most = max(most, side_by_side)
    assert most == 2


def test_ending_early_ends_the_runs_under_way(tmp_path):
    events = Local(jobs=1)([order(tmp_path, FATES.index("hangs"))], work)
    assert next(events).kind == "started"
    pid = tmp_path / str(FATES.index("hangs")) / "pid"
    while not pid.exists():
        next(events)
    events.close()
    assert not alive(int(pid.read_text()))


def test_workers_end_with_a_scheduler_that_is_killed(tmp_path):
    code = (
        "import sys; sys.path.insert(0, {here!r}); from pathlib import Path; import fates\n"
        "from vimae_builtin.executors.local import Local\n"
        "if __name__ == '__main__': list(Local(jobs=1)([fates.order(Path({folder!r}), 5)], fates.work))"
    )
    script = tmp_path / "script.py"
    script.write_text(code.format(here=str(Path(__file__).parent), folder=str(tmp_path)))
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


def test_a_worker_asked_to_end_says_that_it_can_be_taken_up_again(tmp_path):
    events = Local(jobs=1)([order(tmp_path, 0)], patient)
    next(events)
    while not (tmp_path / "0" / "pid").exists():
        next(events)
    os.kill(int((tmp_path / "0" / "pid").read_text()), signal.SIGTERM)
    assert [e.exit_code for e in events if e.kind == "ended"] == [INTERRUPTED]


@pytest.mark.parametrize(("threads", "slots"), [(1, 4), (2, 2), (4, 1), (8, 1)])
def test_as_many_runs_go_side_by_side_as_there_are_cores_for_their_threads(tmp_path, monkeypatch, threads, slots):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    plain = Choice("toy")
    run = Run(plain, plain, plain, plain, 2, Training(threads=threads), 0)
    one = Order("toy", Cell("x", run, ()), tmp_path, tmp_path)
    assert Local(device="cpu").slots([one]) == ["cpu"] * slots
    assert Local(device="cpu", jobs=3).slots([one]) == ["cpu"] * 3


def test_every_gpu_is_a_slot(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    one = order(tmp_path, 0)
    assert Local().slots([one]) == ["cuda:0", "cuda:1", "cuda:2"]
    assert Local(device="cuda:1").slots([one]) == ["cuda:1"]
    assert Local(jobs=4).slots([one]) == ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]


def test_inline_carries_out_one_after_another_in_this_process(tmp_path):
    events = list(Inline()([order(tmp_path, 0), order(tmp_path, 6)], lambda one: one.cell.run.seed))
    assert [(e.kind, e.exit_code) for e in events] == [("started", None), ("ended", 0), ("started", None), ("ended", 6)]


def test_gpus_that_are_asked_for_and_not_there_are_told(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    one = order(tmp_path, 0)
    with pytest.raises(BenchError, match="there is no device 'cuda' here; torch finds cpu"):
        Local(device="cuda").slots([one])
    assert set(Local().slots([one])) == {"cpu"}


def test_cores_are_counted_where_the_system_tells_no_affinity(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert Local(device="cpu").slots([order(tmp_path, 0)]) == ["cpu"] * 3
