"""A disk of compiled code that is full costs time and changes no number."""

import json
import os
import subprocess
import sys

import pytest

from helpers.benchmarks import AE, make_benchmark
from helpers.chaos_harness import Scenario

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
OWN_DISKS = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.mark.parametrize("executor", ["local", "inline"])
def test_a_full_disk_of_compiled_code_changes_no_number(tmp_path, executor, count):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = [*OWN_DISKS, "mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    given = {"executor": executor, "reporters": ["console"], "training": {"epochs": 3}, "method": [AE]}
    text, found = make_benchmark(name="storm", seeds=[0], **given), {}
    for cache in (tmp_path / "cache", disk):
        scenario = Scenario(tmp_path / f"with-{cache.name}", text, tmp_path / "data")
        words = [sys.executable, "-m", "vimae_bench", *scenario.words("--compile", "always")]
        if cache == disk:
            words = [
                *OWN_DISKS,
                "sh",
                "-c",
                f'mount -t tmpfs -o size=64k,mode=700 tmpfs "{disk}" && exec "$@"',
                "sh",
                *words,
            ]
        environment = os.environ | {"VIMAE_BENCH_CACHE": str(cache)}
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert output.count("AE: compiled code is not kept, since") == (cache == disk), output
        assert output.count("No space left on device") == (cache == disk), output
        assert scenario.tracebacks() == []
        records = scenario.finished().values()
        assert {record["made_by"]["step"] for record in records} == {"compiled"}, json.dumps([*records], indent=1)
        found[cache.name] = scenario.contents()
    assert found["disk"] == found["cache"]
    count["disks of compiled code that were full"] += 1
