"""Shared by all tests: one thread, a fixed seed for each test, and `--device` for tests that support it."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers.benchmarks import make_benchmark
from helpers.plugins import forget_plugins
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.leaderboard_data import Leaderboard
from vimae_bench.execution import MatrixEntry, PluginSpec, Run, Training
from vimae_bench.plugin import Measure
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.testing.fixtures import LinearArchitecture

pytest.register_assert_rewrite("helpers.chaos_harness", "helpers.fuzz_strategies")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="what the faults of tests/chaos are chosen by")
    parser.addoption("--device", default="cpu", help="where the models of the tests live, such as cuda:0")


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(autouse=True)
def _seeded(device: torch.device):
    """Every test starts from the same seed and leaves the generators as it found them."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


@pytest.fixture(autouse=True)
def _without_figures_of_runs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Reports that `run` writes in this process have no figures, which take most of its time; others have them."""
    if "/tests/reports/" not in str(request.path) and "/tests/browser/" not in str(request.path):
        monkeypatch.setattr("vimae_bench.reports.page.report.draw_figures", lambda *_, **__: ())


@pytest.fixture
def linear() -> LinearArchitecture:
    """The architecture for which everything is known in closed form: one linear layer, unbounded pixels."""
    return LinearArchitecture(bounded=False)


GOOD = """
from vimae_bench.plugin import Divergence, hookimpl

class Echo(Divergence):
    '''Gives the number it is given.'''
    def __init__(self, number: float = 1.0): self.number = number
    def loss(self, z, prior, context): return self.number

@hookimpl
def vimae_divergences():
    return {"echo": Echo}
"""


@pytest.fixture
def benchmark_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes the small benchmark with some keys changed to `<name>.toml`, and returns its path."""

    def write(**changes: object) -> Path:
        path = tmp_path / f"{changes.get('name', 'small')}.toml"
        path.write_text(make_benchmark(**changes))
        return path

    return write


@pytest.fixture
def fresh_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a cached catalog, before and after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget_plugins()
    yield
    forget_plugins()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_catalog: None):
    """Install a module with its entry point, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))  # for processes that a test starts
    # A module of the same size, written in the same second, would be taken for the one compiled before.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def installed(name: str, source: str = GOOD, version: str = "1.0") -> Path:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[vimae_bench]\n{name} = {name}\n")
        (site / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        forget_plugins()
        return site / f"{name}.py"

    return installed


MEASURES = {
    "reconstruction": Measure("sse", "[0,1]^2", "lower", family="distortion"),
    "rate": Measure("rate", "nats", None, collapse_below=0.1, family="rate"),
    "aggregate_mmd": Measure("mmd2", "", "lower", rewards_collapse=True, family="prior mismatch"),
    "svm": Measure("svm clean", "%", "higher", family="svm", condition="clean"),
}
"""The measure of each metric in a fabricated results folder."""

MADE_BY = {"vimae-bench": "0.1.0", "torch": "2.15", "device": "cpu", "plugins": {"vimae-bench": "0.1.0"}}


def specify_metric(name: str, older: int = 0) -> PluginSpec:
    """A metric without settings, as the installed version or one of so many before it."""
    return PluginSpec(name, {}, get_catalog().get_entry("metric", name).version - older)


class Results:
    """A results folder as written by the engine, with chosen numbers."""

    def __init__(self, path: Path):
        self.store, self.entries, self.dataset = ResultsFolder(path), list[MatrixEntry](), "mnist"

    def add(self, label: str, seed: int, status: str = "done", reason: str = "", **values: object) -> RunFolder:
        """Add a run of the method, with a metric file for each value; None stands for an undefined measure."""
        objective = PluginSpec("elbo", {"row": label})
        parts = [PluginSpec(self.dataset), PluginSpec("mlp", {"width": 256}), objective, PluginSpec("normal")]
        entry = MatrixEntry(label, Run(*parts, 2, Training(), seed), tuple(map(specify_metric, MEASURES)))
        self.entries.append(entry)
        folder = self.store.run_folder(entry.run)
        if status == "missing":
            return folder
        folder.write_spec(entry.run)
        made = {"key": entry.run.key, "run": entry.run.as_json(), "data": {"test_x": "a0"}, "made_by": MADE_BY}
        write_json(folder.record, {"schema": 1, "status": status, "reason": reason, **made})
        for metric, measure in MEASURES.items():
            if measure.name in values:
                self.measure(folder, metric, measure, values[measure.name])
        return folder

    def measure(self, folder: RunFolder, metric: str, measure: Measure, value: object, older: int = 0) -> None:
        """Write the file of a metric, as the installed version or one of so many before it."""
        estimates = {} if value is None else {measure.name: {"value": value, "n": 1000, "se": 0.1}}
        spec = specify_metric(metric, older)
        head = {"metric": spec.as_json(), "measures": [asdict(measure)], "seconds": 0.1}
        write_json(folder.metric_path(spec), {**head, "estimates": estimates})

    def refer(self, metric: str, rows: dict[str, float], older: int = 0) -> Path:
        """Add baselines of one metric, as the installed version or one of so many before it."""
        measure, run, spec = MEASURES[metric], self.entries[0].run, specify_metric(metric, older)
        path = self.store.baseline_path(run.dataset, run.latent, spec)
        found = {label: {measure.name: {"value": value, "n": 1000, "se": None}} for label, value in rows.items()}
        head = {"dataset": run.dataset.as_json(), "latent": 2, "metric": spec.as_json()}
        write_json(path, {**head, "measures": [asdict(measure)], "rows": found})
        return path

    def boards(self, rank_by: str = "", columns: tuple[str, ...] = ()) -> list[Leaderboard]:
        return build_leaderboards(
            self.store.load_results(self.entries), self.store.load_baselines(self.entries), rank_by, columns
        )

    def board(self, rank_by: str = "", columns: tuple[str, ...] = ()) -> Leaderboard:
        (board,) = self.boards(rank_by, columns)
        return board


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    monkeypatch.setattr("os.fsync", lambda _: None)  # it takes most of the time of a large folder
    return Results(tmp_path / "fig1")


@pytest.fixture
def finished(results: Results) -> Results:
    """Five seeds: AE ahead of two equal methods, a collapsed method, one that diverged, and baselines."""
    generator = np.random.default_rng(0)
    for seed in range(5):
        common = generator.normal()  # what a seed does to all methods alike
        for label, sse, rate in (
            ("AE", 25.0, None),
            ("VAE", 30.0, 6.0),
            ("VIMAE-n", 30.0, 9.0),
            ("β_H-VAE", 52.0, 0.02),
        ):
            mmd2 = 1e-5 if label == "β_H-VAE" else 0.02
            noise = generator.normal(0, 0.1, 3)
            values = {"sse": sse + common + noise[0], "mmd2": mmd2 * (1 + noise[1]), "svm clean": 90 - sse + noise[2]}
            results.add(label, seed, rate=rate, **values)
        if seed < 3:
            results.add("InfoVAE", seed, sse=20.0 + common, rate=8.0, mmd2=0.01)
        else:
            results.add("InfoVAE", seed, "diverged", "the loss is nan in epoch 3")
    results.refer("svm", {"raw pixels": 88.0, "PCA, d = 2": 41.0})
    return results


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("VIMAE_BENCH_CACHE", str(tmp_path / "made-once"))
    return tmp_path / "made-once"


@pytest.fixture(scope="session")
def random_inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights of the Inception network, of a size that lets all layers vary with the image."""
    from torch_fidelity import feature_extractor_inceptionv3 as port

    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        patch.setattr(port, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(port.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = port.FeatureExtractorInceptionV3("bare", ["2048"])
        torch.manual_seed(0)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=(2 / module.weight[0].numel()) ** 0.5)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.8, 1.2)
                nn.init.normal_(module.bias, std=0.1)
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.8, 1.2)
        path = tmp_path_factory.mktemp("inception") / "random.pth"
        torch.save(network.state_dict(), path)
    return path
