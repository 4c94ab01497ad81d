"""A trained model as MLflow loads it: one line, no pickle, the same reconstructions."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from markdown_it import MarkdownIt

from vimae_bench.core.errors import ResultsError
from vimae_bench.core.spec import MatrixEntry, Run, Training
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.engine.load_model import load_model
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import Job, PluginSpec
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tracking.store import default_store_uri
from vimae_bench.tracking.sync import sync_benchmark

pytestmark = pytest.mark.medium
DOCS = Path(__file__).parents[2] / "docs"


def read_blocks(page, language):
    tokens = MarkdownIt("commonmark").parse((DOCS / page).read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def train_run(results, name, label, template):
    """A real run, of the pixel range in which images are not what the network sees."""
    dataset = PluginSpec("digits", {"pixel_range": "sym", "validation": 0})
    data = results / "data"
    ensure_prepared(make_plugin("dataset", dataset), data)
    net = PluginSpec("mlp", {"hidden": [8], "batch_norm": True})
    run = Run(dataset, net, PluginSpec("ae", {"recon_scale": 1.0}), PluginSpec("normal"), 2, Training(epochs=1), 0)
    store = ResultsFolder(results / name)
    entry = MatrixEntry(label, run, ())
    store.write_benchmark(name, "", {}, [entry])
    execute_job(Job(name, entry, store.run_folder(run).path, data))
    (results / "mlflow.db").write_bytes(template.read_bytes())
    return store.run_folder(run)


@pytest.fixture
def trained(tmp_path, template):
    return train_run(tmp_path, "toy", "AE", template)


@pytest.mark.filterwarnings("ignore:.*inferred as AnyType")  # in MLflow, on a model without type hints
def test_one_line_loads_a_model_that_reconstructs_as_the_trained_one(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", default_store_uri(tmp_path))
    assert sync_benchmark(tmp_path / "toy").behind == 0
    run_id = json.loads((trained.path / ".mlflow.json").read_text())["run_id"]
    mlflow.set_tracking_uri(default_store_uri(tmp_path))
    try:
        loaded = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    finally:
        mlflow.set_tracking_uri(None)
    x = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)
    model = load_model(trained)
    with torch.inference_mode():
        expected = (model.decode(model.encode(2 * torch.from_numpy(x) - 1).mean) + 1) / 2
    assert np.array_equal(loaded.predict(x), expected.numpy())
    assert loaded.get_raw_model().spec == model.spec


@pytest.mark.filterwarnings("ignore:.*inferred as AnyType")
def test_the_lines_of_the_docs_load_a_model(tmp_path, template, monkeypatch):
    """With nothing but what the lines say: from the folder that `results` is in, without a variable."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    train_run(tmp_path / "results", "quickstart", "VAE", template)
    assert sync_benchmark(tmp_path / "results" / "quickstart").behind == 0
    (lines,) = [block for block in read_blocks("how-to/mlflow.md", "python") if "load_model" in block]
    names = {}
    try:
        exec(lines, names)
    finally:
        mlflow.set_tracking_uri(None)
    x = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)
    assert names["model"].predict(x).shape == x.shape


def test_every_line_of_the_docs_that_loads_from_mlflow_is_one_that_is_run():
    pages = [DOCS.parent / "README.md", *DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    loading = {page.name for page in pages if "mlflow.pyfunc" in page.read_text() or "MlflowClient" in page.read_text()}
    assert loading == {"mlflow.md"}


def test_a_model_is_restored_with_the_weights_it_was_trained_to(trained):
    from safetensors.torch import load_file

    model, saved = load_model(trained), load_file(trained.weights)
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    assert not model.training


def test_weights_that_are_not_those_of_the_record_are_refused(trained):
    content = bytearray(trained.weights.read_bytes())
    content[-1] ^= 1
    trained.weights.write_bytes(content)
    with pytest.raises(ResultsError, match=r"does not have the sha256 that the record gives"):
        load_model(trained)


@pytest.mark.parametrize("damage", ['{"weights": null}', "[]", "{"])
def test_a_record_without_a_model_is_reported(trained, damage):
    trained.record.write_text(damage)
    with pytest.raises(ResultsError, match=r"record\.json"):
        load_model(trained)


def test_missing_weights_are_reported(trained):
    trained.weights.unlink()
    with pytest.raises(ResultsError, match="is not there"):
        load_model(trained)


def test_models_stay_where_they_are_if_that_is_wanted(trained, tmp_path):
    assert sync_benchmark(tmp_path / "toy", models=False).behind == 0
    assert not list((tmp_path / "mlflow-artifacts").rglob("*.safetensors"))
