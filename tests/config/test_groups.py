"""Groups of a benchmark file, A/A controls, presets."""

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.errors import InvalidFileError

TEXT = """\
name = "paper"
seeds = [0, 1]
architecture = { use = "conv", width = 64 }
metrics = ["reconstruction"]

[training]
epochs = 80

[[method]]
label = "VAE"
objective = "elbo"
prior = "normal"

[[method]]
label = "VIMAE-n"
objective = { use = "vimae", divergence = "mmd", weight = 10.0 }
prior = "normal"

[[method]]
label = "VIMAE-n again"
repeats = "VIMAE-n"

[[group]]
dataset = "mnist"
latent = 8

[[group]]
dataset = "cifar10"
latent = 64
seeds = [0]
training = { epochs = 60 }
method."VIMAE-n".objective.weight = 100.0
method."VAE".objective.beta = 0.4
leave_out = [{ method = "VIMAE-n again" }]
"""


@pytest.fixture
def write(changed):
    return lambda *changes: changed(TEXT, *changes)


def problems(path):
    with pytest.raises(InvalidFileError) as caught:
        read_benchmark(path)
    return str(caught.value).replace(str(path), "FILE").splitlines()


def runs(path, dataset):
    return {c.label: c.run for c in list_entries(read_benchmark(path)) if c.run.dataset.name == dataset and c.seed == 0}


def test_a_group_has_the_files_settings_and_its_own(write):
    path = write()
    matrix = list_entries(read_benchmark(path))
    assert [(c.run.dataset.name, c.seed, c.label) for c in matrix] == [
        *(("mnist", seed, label) for seed in (0, 1) for label in ("VAE", "VIMAE-n", "VIMAE-n again")),
        ("cifar10", 0, "VAE"),
        ("cifar10", 0, "VIMAE-n"),
    ]
    grey, colour = runs(path, "mnist"), runs(path, "cifar10")
    assert (grey["VAE"].latent, grey["VAE"].training.epochs) == (8, 80)
    assert (colour["VAE"].latent, colour["VAE"].training.epochs) == (64, 60)
    assert [r["VIMAE-n"].objective.settings["weight"] for r in (grey, colour)] == [10.0, 100.0]
    assert [r["VAE"].objective.settings["beta"] for r in (grey, colour)] == [1.0, 0.4]
    assert colour["VIMAE-n"].objective.settings["divergence"]["use"] == "mmd", "what is not changed stays"


def test_a_group_is_the_same_runs_as_a_file_of_its_own(write, tmp_path):
    shared, groups = TEXT.split("[[group]]\n", 1)
    mnist, _ = groups.split("[[group]]\n")
    alone = tmp_path / "alone.toml"
    alone.write_text(mnist + shared)
    ours = [c.run.key for c in list_entries(read_benchmark(write())) if c.run.dataset.name == "mnist"]
    assert [c.run.key for c in list_entries(read_benchmark(alone))] == ours


def test_an_a_a_control_is_the_same_method_from_other_seeds(write):
    control, original = runs(write(), "mnist")["VIMAE-n again"], runs(write(), "mnist")["VIMAE-n"]
    assert (control.objective, control.prior, control.seed) == (original.objective, original.prior, 1000)
    (entry,) = [c for c in list_entries(read_benchmark(write())) if c.label == "VIMAE-n again" and c.seed == 1]
    assert (entry.paired_seed, entry.run.seed, entry.control_of) == (1, 1001, "VIMAE-n")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('repeats = "VIMAE-n"', 'repeats = "VIMAE"'), "FILE:21: method[2].repeats: no method to repeat is 'VIMAE'"),
        (
            ('repeats = "VIMAE-n"', 'repeats = "VIMAE-n"\nobjective = "ae"'),
            "FILE:21: method[2].repeats: is an A/A control: it takes objective and prior from 'VIMAE-n'",
        ),
        (("seeds = [0, 1]", "seeds = [0, 1000]"), "FILE:2: seeds: an A/A control is run from seeds of 1000 and above"),
        (("latent = 64", "latent = 0"), "FILE:29: group[1].latent: must be at least 1, not 0"),
        (("latent = 8", "letant = 8"), "FILE:25: group[0].letant: there is no setting of this name in a group"),
        (
            ("weight = 100.0", "wieght = 100.0"),
            "FILE:32: group[1].method.VIMAE-n.objective.wieght: there is no setting of this name",
        ),
        (
            ('method."VAE".objective', 'method."VEA".objective'),
            "FILE:33: group[1].method.VEA: no method here is 'VEA'; did you mean 'VAE'?",
        ),
        (('objective = "elbo"', 'objective = "elob"'), "FILE:11: method[0].objective: no objective is called 'elob'"),
        (('[{ method = "VIMAE-n again" }]', '[{ method = "A" }]'), "FILE:34: group[1].leave_out[0].method: no method"),
        (
            ("seeds = [0]\n", 'seeds = [0]\nmethods = ["VAE", "VIM"]\n'),
            "FILE:31: group[1].methods[1]: no method here is 'VIM'; did you mean 'VIMAE-n'?",
        ),
        (("[[group]]", "[group]"), "FILE: is not TOML"),
    ],
)
def test_each_problem_is_reported_once_and_where_it_is(write, change, problem):
    found = problems(write(change))
    assert sum(line.startswith(problem) for line in found) == 1, found
    assert len(found) == len(set(found))


def test_a_group_may_have_some_of_the_methods(write):
    path = write(("seeds = [0]\n", 'seeds = [0]\nmethods = ["VIMAE-n"]\n'), ("weight = 100.0", "weight = -1.0"))
    found = problems(path)
    assert found == ["FILE:33: group[1].method.VIMAE-n.objective.weight: must be at least 0, not -1.0"]
    path.write_text(path.read_text().replace("-1.0", "7.0").replace('prior = "normal"', 'prior = "nomal"'))
    assert [line.split(": ")[0:2] for line in problems(path)] == [
        ["FILE:12", "method[0].prior"],
        ["FILE:17", "method[1].prior"],
    ]
    path.write_text(path.read_text().replace("nomal", "normal").replace('"VIMAE-n again" }]', '"VIMAE-n" }]'))
    assert not runs(path, "cifar10")


def test_a_preset_fixes_what_the_file_leaves_open(write):
    path = write(("metrics", 'preset = "wae"\nmetrics'))
    grey, colour = runs(path, "mnist")["VIMAE-n"], runs(path, "cifar10")["VIMAE-n"]
    assert grey.objective.settings["recon_scale"] == colour.objective.settings["recon_scale"] == 0.05
    assert (grey.training.epochs, colour.training.epochs) == (80, 60), "what is spelled out goes before"
    assert (grey.training.schedule, colour.training.schedule) == ("wae_steps", "wae_smooth")
    assert (grey.training.pretraining, grey.training.pretraining_batch) == (200, 1000)
    assert (colour.training.pretraining, colour.training.pretraining_batch) == (200, 256)
    assert grey.training.sampling == "choice"
    bare = write(("metrics", 'preset = "wae"\nmetrics'), ("[training]\nepochs = 80\n", ""))
    assert runs(bare, "mnist")["VAE"].training.epochs == 100


def test_the_papers_preset_is_what_the_defaults_are(write):
    keys = [entry.run.key for entry in list_entries(read_benchmark(write()))]
    assert [
        entry.run.key for entry in list_entries(read_benchmark(write(("metrics", 'preset = "paper"\nmetrics'))))
    ] == keys


def test_a_calibrated_decoder_has_its_variance_in_the_units_of_either_range(write):
    path = write(("metrics", 'preset = "calibrated"\nsigma = 0.1\nmetrics'))
    assert runs(path, "mnist")["VAE"].objective.settings["recon_scale"] == pytest.approx(1 / (2 * 0.1**2))
    assert runs(path, "cifar10")["VAE"].objective.settings["recon_scale"] == pytest.approx(1 / (2 * 0.2**2))


def test_explicit_settings_go_before_a_preset(write):
    path = write(("metrics", 'preset = "wae"\nmetrics'), ('"elbo"', '{ use = "elbo", recon_scale = 4.0 }'))
    assert runs(path, "mnist")["VAE"].objective.settings["recon_scale"] == 4.0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ([("latent = 8", 'latent = 8\npreset = "calibrated"')], "FILE:26: group[0].preset: 'calibrated' needs"),
        ([("latent = 8", "latent = 8\nsigma = 0.1")], "FILE:26: group[0].sigma: is only for preset = 'calibrated'"),
        (
            [("metrics", 'preset = "wae"\nmetrics'), ('"mnist"', '"digits"'), ("conv", "mlp"), (", width = 64", "")],
            "FILE:4: preset: 'wae' has no configuration for digits",
        ),
        (
            [("metrics", 'preset = "wae"\nmetrics'), ('"mnist"', '["mnist", "cifar10"]')],
            "FILE:4: preset: 'wae' trains mnist and cifar10 differently",
        ),
        ([("metrics", 'preset = "vae"\nmetrics')], "FILE:4: preset: must be one of"),
    ],
)
def test_a_preset_that_does_not_fit_is_refused(write, changes, problem):
    found = problems(write(*changes))
    assert sum(line.startswith(problem) for line in found) == 1, found


def test_later_settings_of_training_are_no_part_of_older_identities(write):
    run = runs(write(), "mnist")["VAE"]
    assert set(run.as_json()["training"]) == {
        "epochs", "batch", "learning_rate", "adam_beta1", "adam_beta2", "threads"
    }  # fmt: skip
    changed = runs(write(("epochs = 80", 'epochs = 80\nschedule = "wae_steps"')), "mnist")["VAE"]
    assert changed.key != run.key
    assert changed.as_json()["training"]["schedule"] == "wae_steps"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ([("[training]\nepochs = 80\n", "training = 3\n")], "FILE:6: training: must be a table, not 3"),
        ([("{ epochs = 60 }", "3")], "FILE:31: group[1].training: must be a table, not 3"),
        (
            [("metrics", 'preset = "calibrated"\nsigma = "wide"\nmetrics')],
            "FILE:5: sigma: must be a number, not 'wide'",
        ),
        (
            [("metrics", 'preset = "wae"\nmetrics'), ("{ epochs = 60 }", "3")],
            "FILE:32: group[1].training: must be a table",
        ),
        ([('repeats = "VIMAE-n"', "repeats = [1]")], "FILE:21: method[2].repeats: must be a string"),
        ([('label = "VAE"', "label = [1]")], "FILE:10: method[0].label: must be a string"),
        ([('"mnist"', "7")], "FILE:24: group[0].dataset[0]: must name a dataset"),
    ],
)
def test_values_of_the_wrong_type_are_reported_without_a_traceback(write, changes, problem):
    found = problems(write(*changes))
    assert any(line.startswith(problem) for line in found), found
