"""Trained models out of results, into files and out of them."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

import vimae_bench as vb
from vimae_bench.cli import main
from vimae_bench.data.prepare import ensure_prepared, open_splits
from vimae_bench.execution import PluginSpec
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import BenchError, Loss, Objective
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.archive import pack_results

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A results folder of two methods from two seeds, and the folder of its data."""
    here = tmp_path_factory.mktemp("here")
    file = here / "small.toml"
    file.write_text(
        'name = "small"\nseeds = [3, 4]\ndataset = "digits"\nlatent = 2\n'
        'architecture = { use = "mlp", hidden = [16] }\n'
        'metrics = ["reconstruction"]\n[training]\nepochs = 2\n'
        '[[method]]\nlabel = "AE"\nobjective = "ae"\nprior = "normal"\n'
        '[[method]]\nlabel = "VAE"\nobjective = "elbo"\nprior = "normal"\n'
    )
    words = ["run", str(file), "--results", str(here / "results"), "--data", str(here / "data"), "--executor", "inline"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Runs come from" not in done.output, "the runs of one command are made alike"
    return here / "results" / "small", here / "data"


def open_test_images(data):
    dataset = make_plugin("dataset", PluginSpec("digits"))
    ensure_prepared(dataset, data, print)
    return open_splits(dataset, data).test.x


def test_a_model_out_of_results_has_the_error_that_was_measured(trained):
    folder, data = trained
    results, x = vb.load(folder), open_test_images(data)
    model = results.model("VAE", seed=4)
    sse = ((model.reconstruct(x / 255) - x / 255) ** 2).sum((1, 2, 3)).mean()
    measured = results.measures.query("method == 'VAE' and seed == 4 and measure == 'sse'")["value"].item()
    assert sse == pytest.approx(measured, rel=1e-5)
    assert repr(model) == "VAE on digits, seed 4: images (1, 8, 8), 2 latent dimensions"
    assert results.model("VAE").run.seed == 3, "the first seed"


def test_a_saved_model_is_the_same_in_another_process(trained, tmp_path):
    model = vb.load(trained[0]).model("AE", 3)
    loaded = vb.load_model(model.save(tmp_path / "deep" / "ae.safetensors"))
    codes = np.random.default_rng(0).normal(size=(10, 2))
    assert np.array_equal(loaded.decode(codes), model.decode(codes))
    assert (loaded.label, loaded.run, repr(loaded)) == (model.label, model.run, repr(model))


@pytest.mark.parametrize(
    ("label", "seed", "what"),
    [
        ("VAEE", None, "no method here is called 'VAEE'; did you mean 'VAE'"),
        ("VAE", 0, "'VAE' has no seed 0 here; it has 3, 4"),
    ],
)
def test_models_that_are_not_there_are_refused_with_those_that_are(trained, label, seed, what):
    with pytest.raises(BenchError, match=what):
        vb.load(trained[0]).model(label, seed)


def test_an_archive_has_no_weights(trained, tmp_path):
    archive = pack_results(trained[0], print)
    with pytest.raises(BenchError, match="is not there; archives have none"):
        vb.load(archive).model("VAE")


def test_a_method_of_several_tables_has_to_be_chosen(trained):
    (benchmark,) = vb.load(trained[0]).benchmarks
    other = [replace(r, entry=replace(r.entry, run=replace(r.entry.run, latent=3))) for r in benchmark.run_results]
    results = vb.load(trained[0])
    both = replace(results, benchmarks=(replace(benchmark, run_results=(*benchmark.run_results, *other)),))
    with pytest.raises(BenchError, match="'VAE' is in 2 tables; choose one of them"):
        both.model("VAE")
    assert both.table("d = 2").model("VAE").latent == 2


def test_export_writes_what_the_model_makes_of_its_data(trained, tmp_path):
    folder, data = trained
    words = ["export", str(folder), "VAE", "--seed", "4", "--data", str(data), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*words, "--samples", "50"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert [line.rsplit("/", 1)[1] for line in done.output.splitlines()] == [
        "model.safetensors",
        "codes.npz",
        "reconstructions.npz",
        "samples.npz",
    ]
    model, x = vb.load_model(tmp_path / "out" / "model.safetensors"), open_test_images(data)
    with np.load(tmp_path / "out" / "codes.npz") as codes:
        assert {name: len(codes[name]) for name in codes} == {
            "train": 1437,
            "train_y": 1437,
            "test": 360,
            "test_y": 360,
        }
        np.testing.assert_allclose(codes["test"], model.encode(x), atol=1e-6)
    with np.load(tmp_path / "out" / "reconstructions.npz") as images:
        assert np.array_equal(images["images"], model.reconstruct(x))
    with np.load(tmp_path / "out" / "samples.npz") as images:
        assert images["images"].shape == (50, 1, 8, 8)


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.safetensors"
    if content is None:
        save_file({"x": np.zeros(3)}, path, metadata={"vimae-bench": json.dumps({"label": "VAE", "run": {}})})
    else:
        path.write_bytes(content)
    with pytest.raises(BenchError, match="is not a model that vimae-bench has saved"):
        vb.load_model(path)


@dataclass(frozen=True)
class Mine(Objective):
    """An objective of this session."""

    def posterior(self):
        return Deterministic()

    def __call__(self, model, batch):
        return Loss(squared_error(batch.x, model.decode(model.encode(batch.x).mean)).mean(), {})


def test_a_model_that_was_trained_here_can_be_saved_if_its_parts_are_registered(tmp_path):
    model = vb.train("ae", latent=2, epochs=1, metrics=["reconstruction"], label="AE").image_model
    x = np.random.default_rng(0).random((3, 8, 8))
    assert np.array_equal(vb.load_model(model.save(tmp_path / "ae.safetensors")).encode(x), model.encode(x))
    own = vb.train(Mine(), latent=2, epochs=1, metrics=["reconstruction"], label="mine").image_model
    assert own.encode(x).shape == (3, 2)
    with pytest.raises(BenchError, match="has a part that no package registers"):
        own.save(tmp_path / "mine.safetensors")


def test_data_that_are_others_by_now_are_refused(trained, tmp_path):
    folder, _ = trained
    dataset = make_plugin("dataset", PluginSpec("digits"))
    ensure_prepared(dataset, tmp_path, print)
    images = next(tmp_path.rglob("test_x.npy"))
    images.write_bytes(images.read_bytes()[:-1] + b"\x07")
    for sums in images.parent.glob("*.sha256"):
        sums.unlink()
    words = ["export", str(folder), "VAE", "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words)
    assert "VAE on digits, seed 3 was made from other data: " in done.output
    assert not (tmp_path / "out").exists()
