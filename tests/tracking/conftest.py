import shutil
from pathlib import Path

import pytest
from PIL import Image

from vimae_bench.core.spec import MatrixEntry, PluginSpec, Run, Training
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tracking.store import SETTINGS, default_store_uri, open_experiment

BEGAN = 1_700_000_000.0
METRIC = PluginSpec("svm", {"images": 1000})


def make_entry(seed: int = 0, label: str = "VIMAE-n") -> MatrixEntry:
    objective = PluginSpec("vimae", {"weight": 10.0, "divergence": {"use": "mmd", "version": 1, "kernel": "imq"}})
    run = Run(PluginSpec("digits"), PluginSpec("mlp"), objective, PluginSpec("normal"), 2, Training(epochs=5), seed)
    return MatrixEntry(label, run, (METRIC,))


class FabricatedBenchmark:
    """A results folder with one benchmark in it, written as the engine writes it."""

    def __init__(self, results: Path, entries: list[MatrixEntry]):
        self.path, self.entries = results / "toy", entries
        self.store = ResultsFolder(self.path)
        self.store.write_benchmark("toy", "", {}, entries)

    def folder(self, entry: MatrixEntry) -> RunFolder:
        return self.store.run_folder(entry.run)

    def begin_run(self, entry: MatrixEntry, at: float = BEGAN) -> RunFolder:
        folder = self.folder(entry)
        folder.append_event("started", time=at, resumed_from=0)
        folder.write_spec(entry.run)
        return folder

    def train_epochs(self, entry: MatrixEntry, first: int, last: int, at: float = BEGAN) -> None:
        for epoch in range(first, last + 1):
            terms = {"total": 100.0 / epoch, "sse": 90.0 / epoch, "mmd@prior": 0.5, "kl": None}
            self.folder(entry).append_event("epoch", epoch=epoch, time=at + epoch, seconds=1.0, terms=terms)

    def end_run(self, entry: MatrixEntry, status: str = "done", reason: str = "", at: float = BEGAN + 60) -> None:
        folder = self.folder(entry)
        write_json(folder.record, {"schema": 1, "key": entry.run.key, "status": status, "reason": reason})
        folder.append_event("ended", status=status, time=at)

    def measure_run(self, entry: MatrixEntry, value: float = 0.9, metric: PluginSpec = METRIC) -> None:
        measures = [{"name": name, "unit": "", "better": "higher"} for name in ("accuracy", "accuracy@1k")]
        rows = {"accuracy": {"value": value, "n": 100, "se": 0.03}, "accuracy@1k": {"value": 0.5, "n": 10, "se": None}}
        content = {"metric": metric.as_json(), "measures": measures, "estimates": rows, "seconds": 0.1}
        write_json(self.folder(entry).metric_path(metric), content)

    def draw_pictures(self, entry: MatrixEntry) -> None:
        self.folder(entry).pictures.mkdir(exist_ok=True)
        Image.new("L", (600, 300)).save(self.folder(entry).pictures / "samples.png")

    def add_finished_run(self, entry: MatrixEntry) -> None:
        self.begin_run(entry)
        self.train_epochs(entry, 1, 5)
        self.draw_pictures(entry)
        self.measure_run(entry)
        self.end_run(entry)

    def open_client(self):
        from mlflow import MlflowClient

        return MlflowClient(default_store_uri(self.path.parent))

    def read_mlflow_runs(self) -> list[dict]:
        """All that MLflow has of this benchmark."""
        client = self.open_client()
        experiment = client.get_experiment_by_name("toy")
        runs = client.search_runs([experiment.experiment_id])
        return [self._read(client, run) for run in runs if "vb.kind" not in run.data.tags]

    def find_methods(self) -> list:
        """MLflow's runs that stand for methods, from the first to the last."""
        client = self.open_client()
        experiment = client.get_experiment_by_name("toy")
        where = "tags.`vb.kind` = 'method'"
        return client.search_runs([experiment.experiment_id], where, order_by=["attributes.start_time ASC"])

    def _read(self, client, run) -> dict:
        names = run.data.metrics
        return {
            "status": run.info.status,
            "times": (run.info.start_time, run.info.end_time),
            "params": run.data.params,
            "tags": run.data.tags,
            "curves": {
                n: [(p.step, p.timestamp, p.value) for p in client.get_metric_history(run.info.run_id, n)]
                for n in names
            },
            "files": sorted(
                f.path
                for d in ("", "pictures", "images", "model")
                for f in client.list_artifacts(run.info.run_id, d)
                if not f.is_dir
            ),
        }


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Path:
    """A store with its tables: making them takes seconds."""
    results = tmp_path_factory.mktemp("template")
    open_experiment(results / "none", default_store_uri(results))
    return results / "mlflow.db"


@pytest.fixture
def bench(tmp_path, template, monkeypatch) -> FabricatedBenchmark:
    for name, value in SETTINGS.items():  # so that they are put back
        monkeypatch.setenv(name, value)
    shutil.copy(template, tmp_path / "mlflow.db")
    return FabricatedBenchmark(tmp_path, [make_entry(seed=0), make_entry(seed=1)])
