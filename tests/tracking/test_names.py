from dataclasses import replace

import pytest
from mlflow.utils.validation import _validate_metric_name

from vimae_bench.core.spec import PluginSpec, Run, Training
from vimae_bench.tracking.names import format_parameters, format_tags, to_mlflow_name

RUN = Run(
    PluginSpec("digits"),
    PluginSpec("mlp", {"sizes": [256, 256]}),
    PluginSpec("vimae", {"weight": 10.0, "divergence": {"use": "mmd", "version": 2, "kernel": "imq"}}),
    PluginSpec("normal"),
    latent=2,
    training=Training(epochs=5),
    seed=7,
)


@pytest.mark.parametrize(
    "name",
    [
        "fid@5k",
        "top 5%",
        "a[1]",
        "β-VAE",
        "x#y",
        "",
        ".",
        "..",
        "../up",
        "/abs",
        "a//b",
        "a/./b",
        "end/",
        "n" * 300,
        "n" * 249 + "/x",
    ],
)
def test_mlflow_accepts_every_adapted_name(name):
    _validate_metric_name(to_mlflow_name(name))


def test_legal_names_are_left_alone_and_others_stay_readable():
    assert to_mlflow_name("train/mmd to N(0,I)") == "train/mmd to N_0_I_"
    assert to_mlflow_name("svm accuracy.se") == "svm accuracy.se"
    assert to_mlflow_name("fid@5k") == "fid_at_5k"


def test_parameters_are_the_flattened_settings():
    found = format_parameters(RUN)
    assert found["objective.use"] == "vimae"
    assert found["objective.divergence.kernel"] == "imq"
    assert found["objective.weight"] == "10.0"
    assert found["architecture.sizes"] == "[256,256]"
    assert found["training.epochs"] == "5"
    assert found["seed"] == "7"


def test_a_long_value_is_cut_and_says_so():
    long = Run(PluginSpec("arrays", {"path": "x" * 9000}), *(PluginSpec("a"),) * 3, 2, Training(), 0)
    value = format_parameters(long)["dataset.path"]
    assert len(value) == 500
    assert value.endswith("…")


def test_runs_share_a_group_when_they_differ_in_the_seed_alone():
    def group(seed=0, epochs=5, label="VAE"):
        run = Run(RUN.dataset, RUN.architecture, RUN.objective, RUN.prior, 2, Training(epochs=epochs), seed)
        return format_tags(run, label, "toy", {})["vb.group"]

    assert group(seed=0) == group(seed=1)
    assert len({group(), group(epochs=6), group(label="AE")}) == 3


def test_tags_tell_what_a_run_is():
    found = format_tags(RUN, "VIMAE-n", "toy", {"status": "diverged", "reason": "total not finite in epoch 3"})
    assert found["vb.run_key"] == RUN.key
    assert (found["vb.suite"], found["vb.method"], found["vb.seed"]) == ("toy", "VIMAE-n", "7")
    assert (found["vb.objective"], found["vb.prior"]) == ("vimae", "normal")
    assert (found["vb.dataset"], found["vb.architecture"]) == ("digits", "mlp")
    assert (found["vb.status"], found["vb.reason"]) == ("diverged", "total not finite in epoch 3")
    assert format_tags(RUN, "VIMAE-n", "toy", {})["vb.status"] == "running"


def test_data_sets_and_architectures_of_one_plugin_are_told_apart_by_their_labels():
    small, wide = (
        PluginSpec("arrays", {"path": "/small"}, label="small"),
        PluginSpec("mlp", {"hidden": [9]}, label="wide"),
    )
    found = format_tags(replace(RUN, dataset=small, architecture=wide), "VAE", "toy", {})
    assert (found["vb.dataset"], found["vb.architecture"]) == ("small", "wide")
    unlabelled = replace(RUN, dataset=replace(small, label=""), architecture=replace(wide, label=""))
    assert format_tags(unlabelled, "VAE", "toy", {})["vb.group"] == found["vb.group"]
