"""Third-party packages, installed as pip installs them and used from the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.benchmarks import make_benchmark

pytestmark = pytest.mark.slow

PLUGINS = Path(__file__).parents[2] / "plugins"
PACKAGE = PLUGINS / "vimae-bench-swae"
SWAE = {"label": "SWAE", "objective": {"use": "swae", "projections": 10}, "prior": "normal"}

Bench = Callable[..., subprocess.CompletedProcess[str]]


PYTHAE = [
    {"label": "VAE", "objective": {"use": "elbo", "recon_scale": 0.5}, "prior": "normal"},
    {"label": "pythae VAE", "objective": "pythae_vae", "prior": "normal"},
    {"label": "pythae VAMP", "objective": "pythae_vamp", "prior": "pythae_vamp"},
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return installed(PACKAGE, tmp_path_factory.mktemp("third_party"))


@pytest.fixture(scope="module")
def pythae_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    pytest.importorskip("pythae", reason="pythae is not installed; it comes with the extra `dev`")
    return installed(PLUGINS / "vimae-bench-pythae", tmp_path_factory.mktemp("pythae"))


def installed(package: Path, here: Path) -> Bench:
    """Runs `python -m ...` with the package installed and its own cache, in an empty folder."""
    environment = os.environ | {
        "PYTHONPATH": str(here / "site"),
        "XDG_CACHE_HOME": str(here / "cache"),
        "COLUMNS": "120",
        "OMP_NUM_THREADS": "1",
    }

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    run(
        "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", "site", str(package)
    )
    return run


def test_plugin_is_listed_with_its_distribution_and_version(bench: Bench) -> None:
    listed = json.loads(bench("vimae_bench", "plugins", "--json").stdout)
    (entry,) = [e for e in listed["plugins"] if e["name"] == "swae"]
    assert (entry["kind"], entry["distribution"], entry["distribution_version"]) == (
        "objective",
        "vimae-bench-swae",
        "0.1.0",
    )
    assert listed["broken"] == []


def test_settings_are_listed_with_their_bounds(bench: Bench) -> None:
    listed = json.loads(bench("vimae_bench", "plugins", "--json").stdout)
    (entry,) = [e for e in listed["plugins"] if e["name"] == "swae"]
    assert entry["settings"]["projections"] == {"schema": {"minimum": 1, "type": "integer"}, "default": 50}


def test_plugin_passes_its_checks(bench: Bench) -> None:
    lines = bench("vimae_bench", "check", "swae", "-s", "weight=5.0").stdout.splitlines()
    assert lines[0] == "objective swae (vimae-bench-swae 0.1.0)"
    assert {line.split()[0] for line in lines[1:-2]} == {"ok"}


def test_own_tests_of_the_package_pass(bench: Bench) -> None:
    bench("pytest", "-q", "-p", "no:cacheprovider", str(PACKAGE / "tests"))


def test_benchmark_runs_with_the_plugin(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "third-party.toml"
    file.write_text(make_benchmark(name="third-party", training={"epochs": 2}, method=[SWAE]))
    done = bench("vimae_bench", "run", str(file), "--results", str(tmp_path), "--data", str(tmp_path / "data"))
    (record,) = (json.loads(path.read_text()) for path in tmp_path.glob("third-party/runs/swae-*/record.json"))
    assert (record["status"], record["epochs"]) == ("done", 2)
    assert record["made_by"]["plugins"]["vimae-bench-swae"] == "0.1.0"
    assert "SWAE" in done.stdout
    events = (tmp_path / "third-party" / "runs" / f"swae-digits-mlp-s0-{record['key']}" / "events.jsonl").read_text()
    epochs = [line["terms"] for line in map(json.loads, events.splitlines()) if line["event"] == "epoch"]
    assert [sorted(terms) for terms in epochs] == [["sliced_wasserstein", "sse", "total"]] * 2


def test_pythae_models_are_listed_and_none_is_broken(pythae_bench: Bench) -> None:
    listed = json.loads(pythae_bench("vimae_bench", "plugins", "--json").stdout)
    found = {e["name"]: e["settings"] for e in listed["plugins"] if e["distribution"] == "vimae-bench-pythae"}
    assert found["pythae_beta_vae"]["beta"] == {"schema": {"minimum": 0, "type": "number"}, "default": 1.0}
    assert listed["broken"] == []


def test_pythae_models_pass_their_checks_or_say_why_they_are_skipped(pythae_bench: Bench) -> None:
    output = pythae_bench("vimae_bench", "check", "pythae_vae", "pythae_svae").stdout
    laws, _, refused = output.partition("objective pythae_svae")
    head, *rows = laws.splitlines()
    assert head == "objective pythae_vae (vimae-bench-pythae 0.1.0)"
    assert {row.split()[0] for row in rows[:-2]} == {"ok"}
    assert "skipped objective pythae_svae: refuses a linear model with the prior N(0, I): pythae's SVAE does" in refused


def test_unsupported_pythae_model_is_refused_with_its_line_before_training(pythae_bench: Bench, tmp_path):
    file = tmp_path / "refused.toml"
    file.write_text(make_benchmark(method=[SWAE | {"objective": "pythae_vae_gan"}]))
    errors = pythae_bench("vimae_bench", "run", str(file), "--results", str(tmp_path), code=2).stderr
    assert "method[0].objective: for SWAE on digits: pythae's VAEGAN does not run here: it leaves out" in errors
    file.write_text(file.read_text().replace("pythae_vae_gan", "pythae_wae_mdm"))
    errors = pythae_bench("vimae_bench", "run", str(file), "--results", str(tmp_path), code=2).stderr
    assert "no objective is called 'pythae_wae_mdm'; did you mean 'pythae_wae_mmd'?" in errors


def test_pythae_models_are_ranked_with_ours(pythae_bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "both.toml"
    file.write_text(make_benchmark(name="third-party", training={"epochs": 2}, method=PYTHAE))
    pythae_bench("vimae_bench", "run", str(file), "--results", str(tmp_path), "--data", str(tmp_path / "data"))
    measured = tmp_path.glob("third-party/runs/*/metrics/reconstruction-*.json")
    sse = {path.parts[-3].split("-")[0]: json.loads(path.read_text())["estimates"]["sse"]["value"] for path in measured}
    assert sse.keys() == {"elbo", "pythae_vae", "pythae_vamp"}
    assert sse["pythae_vae"] == pytest.approx(sse["elbo"], rel=1e-4)  # they differ by the floor of our deviations


def test_tests_of_the_pythae_package_pass(pythae_bench: Bench) -> None:
    tests = PLUGINS / "vimae-bench-pythae" / "tests"
    pythae_bench("pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", str(tests))
