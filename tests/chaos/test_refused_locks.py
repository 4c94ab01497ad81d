"""A file system that refuses locks, from the start or from some moment on: nothing is lost, and one line says why."""

import os
import subprocess
import sys
import time

import pytest

from helpers.chaos_harness import Scenario, benchmark_text

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds names of files through /proc"),
]
DEADLINE = 200.0
REFUSE = """
import errno, fcntl, os

real = fcntl.flock

def refuse(file, operation):
    number = file if isinstance(file, int) else file.fileno()
    is_inside = os.environ["IN_FOLDER"] in os.readlink(f"/proc/self/fd/{number}")
    if is_inside and operation != fcntl.LOCK_UN and os.path.exists(os.environ["REFUSE_LOCKS"]):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    real(file, operation)

fcntl.flock = refuse
"""
"""What every process of Python does when it starts, the server of workers too."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    scenario = Scenario(folder, benchmark_text(seeds=2, epochs=20), folder / "data")
    run = subprocess.run([sys.executable, "-m", "vimae_bench", *scenario.words()], check=False, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    return scenario


def has_event(scenario, name):
    return any(f'"event": "{name}"' in path.read_text() for path in scenario.store.path.glob("runs/*/events.jsonl"))


@pytest.mark.parametrize("executor", ["local", "inline"])
@pytest.mark.parametrize("moment", ["", "started", "measuring"])
def test_refused_locks_lose_nothing_and_are_named(scenario, undisturbed, tmp_path, executor, moment, count):
    (tmp_path / "sitecustomize.py").write_text(REFUSE)
    switch = tmp_path / "refused"
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    environment = os.environ | {"PYTHONPATH": path, "REFUSE_LOCKS": str(switch), "IN_FOLDER": str(scenario.store.path)}
    if not moment:
        switch.touch()
    words = [sys.executable, "-m", "vimae_bench", *scenario.words("--executor", executor)]
    going = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    deadline = time.monotonic() + DEADLINE
    while moment and going.poll() is None and time.monotonic() < deadline and not has_event(scenario, moment):
        time.sleep(0.005)
    switch.touch()
    before = scenario.finished()
    output, _ = going.communicate(timeout=DEADLINE)
    assert "Traceback" not in output
    assert scenario.tracebacks() == []
    assert scenario.finished().items() >= before.items()
    if going.returncode:
        assert "No locks available" in output
    if not moment:
        assert (going.returncode, scenario.starts()) == (4, {}), output
    count["file systems that refused locks"] += going.returncode != 0
    switch.unlink()
    again = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert again.returncode == 0, again.stdout + again.stderr
    scenario.check(before, undisturbed, count)
