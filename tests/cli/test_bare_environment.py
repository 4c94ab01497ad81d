"""Where a container starts a command: no home directory, no name for the user, no variables, one core, no UTF-8."""

import os
import shutil
import subprocess
import sys

import pytest

from helpers.benchmarks import AE, make_benchmark

pytestmark = pytest.mark.medium

USER = 54321
UNKNOWN_USER = ("unshare", "--user", f"--map-user={USER}", f"--map-group={USER}")
BARE = ("taskset", "-c", str(min(os.sched_getaffinity(0))), "env", "-i", "PYTHONIOENCODING=latin-1")


def can_have_unknown_users() -> bool:
    """Whether this machine lets a process have a user id without a name."""
    if not (shutil.which("unshare") and shutil.which("taskset")):
        return False
    return subprocess.run([*UNKNOWN_USER, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_have_unknown_users(), reason="needs `taskset`, and user namespaces by `unshare`")
@pytest.mark.parametrize("command", [["run"], ["plan"], ["run", "--executor", "local", "--no-mlflow"]], ids=" ".join)
def test_a_user_without_home_name_and_variables_gets_results(command, tmp_path):
    text = make_benchmark(seeds=[0], metrics=["reconstruction"], training={"epochs": 1}, method=[AE])
    (tmp_path / "small.toml").write_text(text)
    words = [sys.executable, "-m", "vimae_bench", *command, "small.toml"]
    done = subprocess.run([*UNKNOWN_USER, *BARE, *words], cwd=tmp_path, check=False, capture_output=True, timeout=170)
    output = (done.stdout + done.stderr).decode("latin-1")
    assert done.returncode == 0, output
    assert "Traceback" not in output
    assert (tmp_path / "results").exists() == ("run" in command)
    if "run" in command:
        assert (tmp_path / "results" / "small" / "report.html").stat().st_size
        assert "1 of 1 run finished" in output
