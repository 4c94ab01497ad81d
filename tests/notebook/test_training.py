"""One method trained in the current process: as a worker trains it, and without being registered."""

import runpy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import vimae_bench as vb
from vimae_bench.core.errors import InvalidFileError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import ExitCode, Job
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic, Heads
from vimae_bench.plugin import BenchError, Estimate, Loss, Measure, Metric, Objective
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.run_folder import RunFolder
from vimae_bench.storage.store import ResultsFolder

pytestmark = pytest.mark.medium

METRICS = [
    "reconstruction",
    {"use": "aggregate_mmd", "replicates": 19},
    {"use": "aggregate_mmd", "replicates": 19, "kernel": "rbf"},
    {"use": "svm_subset", "label_draws": 1, "noise_draws": 1},
]
SMALL = {"architecture": {"use": "mlp", "hidden": (16,)}, "latent": 2, "epochs": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    ensure_prepared(make_plugin("dataset", PluginSpec("digits")), root)
    return root


@pytest.fixture
def train(data):
    return lambda objective="elbo", *more, **changes: vb.train(objective, *more, **{**SMALL, "data": data, **changes})


@dataclass(frozen=True)
class Plain(Objective):
    """The squared error, times a weight."""

    weight: float = 1.0

    def posterior(self):
        return Deterministic()

    def __call__(self, model, batch):
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).rsample())).mean()
        return Loss(self.weight * sse, {"sse": sse})


@dataclass(frozen=True)
class Faulty(Plain):
    """Raises in the first step, or has a loss that is none."""

    fault: str = "raises"

    def __call__(self, model, batch):
        if self.fault == "raises":
            raise ZeroDivisionError("on purpose")
        return Loss(super().__call__(model, batch).total * float("nan"), {})


@pytest.mark.parametrize("objective", ["elbo", {"use": "vimae", "divergence": "mmd", "weight": 5}, "wae_gan"])
def test_training_equals_that_of_a_worker_bit_for_bit(train, data, tmp_path, objective):
    torch.manual_seed(123)
    torch.randn(7)  # wherever the session's generator stands
    torch.set_num_threads(2)
    try:
        here = train(objective, seed=3, metrics=METRICS)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    entry = here.result.entry
    store = ResultsFolder(tmp_path / "worker")
    assert execute_job(Job("worker", entry, store.run_folder(entry.run).path, data)) == ExitCode.DONE
    (there,) = store.load_results([entry])
    weights = load_file(RunFolder(there.folder).weights)
    assert weights.keys() == here.model.state_dict().keys()
    assert all(torch.equal(value, weights[name]) for name, value in here.model.state_dict().items())
    assert here.result.estimates == there.estimates
    assert here.key == there.record["key"]
    terms = [line["terms"] for line in RunFolder(there.folder).read_history()]
    assert here.history.to_dict("records") == terms


def test_training_restores_the_random_generator(train):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train()
    assert torch.equal(torch.get_rng_state(), before)


def test_unregistered_class_is_trained_and_compared(train):
    baseline = [train("ae", seed=seed, label="AE") for seed in range(2)]
    table = vb.combine(*baseline)
    mine = [train(Plain(2.0), seed=seed, like=table) for seed in range(2)]
    assert mine[0].key == ""
    assert mine[0].history["sse"].iloc[-1] < mine[0].history["sse"].iloc[0]
    both = table.append(*mine)
    assert both.tables == table.tables
    rows = both.leaderboard.set_index(["method", "measure"])
    assert set(rows.loc["Plain"].index) == set(rows.loc["AE"].index)
    assert rows.loc[("Plain", "sse"), "n"] == 2
    assert rows.loc[("Plain", "sse"), "state"] in ("undecided", "not comparable")
    assert list(both.runs["key"] == "") == [False, False, True, True]
    assert both.runs["settings"].iloc[-1]["weight"] == 2.0
    assert "Plain" in both.compare("Plain", "AE")._repr_html_()
    assert len(both.curves) == 4 * 2 * 2
    assert len(both.plot.codes()[0].axes) == 2
    with pytest.raises(BenchError, match="no table here has runs of 5 epochs or more"):
        both.plot.curves()
    assert len(both.plot.image_grids()) == 1


def test_unregistered_objective_equals_the_registered_one(train):
    """The same arithmetic from the same seed gives the same weights, whether it has a name or not."""
    named, unnamed = train("ae"), train(Plain)
    assert all(torch.equal(a, b) for a, b in zip(named.model.parameters(), unnamed.model.parameters(), strict=True))
    assert named.estimates.equals(unnamed.estimates)


def test_exceptions_of_unregistered_code_are_raised_unchanged(train):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        train(Faulty())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_diverged_training_has_no_images(train):
    lost = train(Faulty(fault="nan"))
    assert (lost.status, lost.reason) == ("diverged", "total not finite in epoch 1")
    assert lost.estimates.empty
    assert "diverged: total not finite" in lost._repr_html_()
    with pytest.raises(BenchError, match="has no trained model"):
        lost.samples()


def test_samples_and_reconstructions_are_images(train, tmp_path):
    mine = train()
    assert mine.samples(12, columns=4).images.shape == (12, 1, 8, 8)
    assert mine.samples(12)._repr_png_().startswith(b"\x89PNG")
    pixels = np.asarray(mine.reconstructions().image)
    image, reconstruction = pixels[:64, :64], pixels[66:130, :64]
    assert (image[::8, ::8] == mine.evaluation.examples("test").x[0, 0]).all()
    assert (image != reconstruction).any()
    mine.samples(12).save(tmp_path / "samples.png")
    assert (tmp_path / "samples.png").stat().st_size


class Tiny:
    """An architecture that no package has."""

    def encoder(self, spec, heads):
        return nn.Sequential(nn.Flatten(), Heads(nn.Linear(spec.input_size, spec.latent) for _ in range(heads)))

    def decoder(self, spec):
        return nn.Sequential(
            nn.Linear(spec.latent, spec.input_size), nn.Unflatten(1, spec.shape), spec.output_activation()
        )


class Wrong(Tiny):
    """Its decoder gives images of another shape."""

    def decoder(self, spec):
        return nn.Sequential(nn.Linear(spec.latent, spec.input_size), nn.Unflatten(1, (1, 1, spec.input_size)))


class Zero(Metric):
    """Counts to zero."""

    def measures(self):
        return (Measure("zero", "", "lower"),)

    def __call__(self, evaluation):
        return {"zero": Estimate(0.0, len(evaluation.examples("test")))}


class Misnamed(Zero):
    """Gives what it does not announce."""

    def __call__(self, evaluation):
        return {"one": Estimate(1.0, 1)}


def test_architectures_and_metrics_may_be_unregistered(train):
    mine = train(architecture=Tiny(), metrics=["reconstruction", Zero])
    assert mine.estimates.loc["zero", "n"] == 360
    assert mine.result.record["parameters"] == 64 * 2 * 2 + 2 * 2 + 2 * 64 + 64


def test_changed_class_has_another_table(train, tmp_path):
    """Its runs must not stand in one table with those of the old."""

    def defined(hidden):
        source = tmp_path / f"cell_{hidden}.py"
        source.write_text(
            f"class Wide(Tiny):\n    def decoder(self, spec):\n        width = {hidden}\n"
            "        return nn.Sequential(nn.Linear(spec.latent, width), nn.Linear(width, spec.input_size),\n"
            "            nn.Unflatten(1, spec.shape), spec.output_activation())\n"
        )
        return runpy.run_path(str(source), {"Tiny": Tiny, "nn": nn})["Wide"]

    narrow, wide = (train(architecture=defined(hidden)) for hidden in (4, 8))
    assert len(vb.combine(narrow, wide).tables) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": Wrong}, r"architecture 'Wrong': the decoder gives \(2, 1, 1, 64\) for 2 codes"),
        ({"architecture": {"use": "conv"}}, r"'conv' does not fit digits"),
        ({"metrics": [Misnamed]}, "gave 'one', which its measures"),
        ({"metrics": ["disentanglement"]}, "'disentanglement' does not fit digits"),
        ({"metrics": ["reconstruction", {"use": "reconstruction"}]}, "two metrics give '.*'; leave one of them out"),
        ({"training": {"batch": 5000}}, r"1437 training images do not fill one batch of 5000"),
    ],
)
def test_components_that_do_not_fit_are_reported_in_one_line(train, changes, message):
    with pytest.raises(BenchError, match=message) as caught:
        train(**changes)
    assert "\n" not in str(caught.value)


def test_all_problems_of_searches_are_reported_together(train):
    class Needs(Plain):
        def __init__(self, weight):
            super().__init__(weight)

    with pytest.raises(InvalidFileError) as caught:
        train(
            Needs,
            "norml",
            dataset="digts",
            architecture=3,
            metrics=["svn"],
            latent=0,
            training={"epoch": 3},
            seed=-1,
        )
    message = str(caught.value)
    for line in (
        "objective: Needs has settings without a default",
        "prior: no prior is called 'norml'; did you mean 'normal'?",
        "dataset: no dataset is called 'digts'; did you mean 'digits'?",
        "architecture: must be an architecture: a name",
        "metrics[0]: no metric is called 'svn'; did you mean 'svm'?",
        "latent: must be at least 1, not 0",
        "training.epoch: there is no setting of this name; did you mean 'epochs'?",
        "seed: must be at least 0, not -1",
    ):
        assert f"train: {line}" in message


def test_appending_needs_a_table_of_the_same_setup(train):
    table = vb.combine(train())
    with pytest.raises(BenchError, match=r"no table here has the setup of elbo on digits, mlp, d = 3"):
        table.append(train(latent=3, seed=1))
    with pytest.raises(BenchError, match="two runs have the label 'elbo' and seed 0; give one of them another label"):
        table.append(train())


def test_like_needs_exactly_one_table(train):
    with pytest.raises(BenchError, match=r"there are 2 tables; choose one, such as \.table\('digits, mlp, d = 2"):
        train(like=vb.combine(train(), train(latent=3)))
    with pytest.raises(BenchError, match="there are 0 tables"):
        train(like=vb.combine())


def test_scratch_folder_is_removed_with_the_results(train, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = vb.combine(train())  # which needs the epochs, though what was trained is gone
    assert len(table.curves) == 2 * 3
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ZeroDivisionError):
        train(Faulty())
    del table
    assert list(tmp_path.iterdir()) == []
