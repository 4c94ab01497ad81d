"""A disk that fills up at any write gives a message, and loses no finished run."""

import json
import os
import subprocess
import sys

import pytest

from helpers import TESTS_FOLDER
from helpers.full_disk import FILES, FUNCTIONS, MLFLOW

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
OWN_DISKS = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, dict]:
    """The results for each kind of write."""
    if subprocess.run([*OWN_DISKS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    words = [*OWN_DISKS, sys.executable, "-m", "helpers.full_disk", str(tmp_path_factory.mktemp("disks"))]
    environment = os.environ | {"PYTHONPATH": TESTS_FOLDER}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return {line["what"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("what", [*FILES, *FUNCTIONS])
def test_full_disk_ends_the_benchmark_with_a_message_and_it_resumes_with_free_space(what, outcomes, count):
    one = outcomes[what]
    assert one["full"], "the disk was never full"
    assert (one["code"], one["again"]) == (2 if what == "a data set" else 4, 0)  # data need not lie with results
    assert "o space left" in one["said"]
    count["kinds of write at which the disk was full"] += 1


@pytest.mark.parametrize("what", MLFLOW)
def test_full_disk_of_the_mlflow_store_is_reported(what, outcomes, count):
    """By its mirror; on a slow machine by runs that were still going on."""
    one = outcomes[what]
    assert one["full"], "the disk was never full"
    assert one["again"] == 0
    assert ("no space left" if one["code"] == 4 else "not yet mirrored") in one["said"]
    assert "ERROR" not in one["said"]
    count["kinds of write at which the disk was full"] += 1
