"""A stranger's package, installed beside the harness as pip installs it, and used from the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[1] / "plugins" / "vimae-bench-swae"
BENCHMARK = """
name = "strangers"
seeds = [0]
dataset = "digits"
architecture = { use = "mlp", hidden = [32] }
latent = 2
metrics = ["reconstruction"]
executor = "inline"
reporters = []
training = { epochs = 2 }

[[method]]
label = "SWAE"
objective = { use = "swae", projections = 10 }
prior = "normal"
"""

Bench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Runs `python -m ...` where the package is installed, with a cache of its own, in an empty folder."""
    here = tmp_path_factory.mktemp("third_party")
    environment = os.environ | {
        "PYTHONPATH": str(here / "site"),
        "XDG_CACHE_HOME": str(here / "cache"),
        "COLUMNS": "120",
        "OMP_NUM_THREADS": "1",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run(
        "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", "site", str(PACKAGE)
    )
    return run


def test_it_is_listed_with_its_distribution_and_version(bench: Bench) -> None:
    listed = json.loads(bench("vimae_bench", "plugins", "--json").stdout)
    (entry,) = [e for e in listed["plugins"] if e["name"] == "swae"]
    assert (entry["kind"], entry["distribution"], entry["distribution_version"]) == (
        "objective",
        "vimae-bench-swae",
        "0.1.0",
    )
    assert listed["broken"] == []


def test_its_settings_are_known_with_their_bounds(bench: Bench) -> None:
    listed = json.loads(bench("vimae_bench", "plugins", "--json").stdout)
    (entry,) = [e for e in listed["plugins"] if e["name"] == "swae"]
    assert entry["settings"]["projections"] == {"schema": {"minimum": 1, "type": "integer"}, "default": 50}


def test_it_keeps_its_contract(bench: Bench) -> None:
    told = bench("vimae_bench", "check", "swae", "-s", "weight=5.0").stdout.splitlines()
    assert told[0] == "objective swae (vimae-bench-swae 0.1.0)"
    assert {line.split()[0] for line in told[1:-2]} == {"ok"}


def test_its_own_tests_pass(bench: Bench) -> None:
    bench("pytest", "-q", "-p", "no:cacheprovider", str(PACKAGE / "tests"))


def test_a_benchmark_runs_with_it(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "strangers.toml"
    file.write_text(BENCHMARK)
    done = bench("vimae_bench", "run", str(file), "--results", str(tmp_path), "--data", str(tmp_path / "data"))
    (record,) = (json.loads(path.read_text()) for path in tmp_path.glob("strangers/runs/swae-*/record.json"))
    assert (record["status"], record["epochs"]) == ("done", 2)
    assert record["made_by"]["plugins"]["vimae-bench-swae"] == "0.1.0"
    assert "SWAE" in done.stdout
    events = (tmp_path / "strangers" / "runs" / f"swae-digits-mlp-s0-{record['key']}" / "events.jsonl").read_text()
    epochs = [line["terms"] for line in map(json.loads, events.splitlines()) if line["event"] == "epoch"]
    assert [sorted(terms) for terms in epochs] == [["sliced_wasserstein", "sse", "total"]] * 2
