import subprocess
import sys

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import NothingSelected, list_entries, select_entries
from vimae_bench.core.errors import BenchError, InvalidFileError
from vimae_bench.core.spec import Run

TEXT = """\
name = "small"
seeds = [0, 1]
dataset = "digits"
architecture = { use = "mlp", hidden = [32] }
latent = 2
metrics = ["reconstruction"]

[training]
epochs = 3

[[method]]
label = "VAE"
objective = "elbo"
prior = "normal"

[[method]]
label = "VIMAE"
objective = { use = "vimae", divergence = "mmd", weight = 10 }
prior = "logistic"
"""


@pytest.fixture
def write(changed):
    return lambda *changes: changed(TEXT, *changes)


def problems(path, *overrides):
    with pytest.raises(InvalidFileError) as caught:
        read_benchmark(path, overrides)
    return str(caught.value).replace(str(path), "FILE").splitlines()


def test_a_file_is_read_with_every_default_filled_in(write):
    benchmark = read_benchmark(write())
    assert benchmark.groups[0].training.batch == 100
    assert benchmark.groups[0].methods[1].objective.settings["recon_scale"] == 1.0
    assert benchmark.groups[0].methods[1].objective.settings["divergence"]["kernel"] == "imq"
    assert benchmark.executor.name == "local"


def test_an_explicit_default_changes_no_run(write):
    short = [entry.run.key for entry in list_entries(read_benchmark(write()))]
    spelled = write(
        ('"elbo"', '{ use = "elbo", beta = 1, recon_scale = 1.0 }'), ("epochs = 3", "epochs = 3\nbatch = 100")
    )
    assert [entry.run.key for entry in list_entries(read_benchmark(spelled))] == short


def test_labels_metrics_and_the_leaderboard_are_no_part_of_a_runs_identity(write):
    before = [entry.run.key for entry in list_entries(read_benchmark(write()))]
    changed = write(
        ('"VAE"', '"vae"'),
        ('["reconstruction"]', '["rate"]'),
        ("[training]", "[leaderboard]\nrank_by='rate'\n[training]"),
    )
    assert [entry.run.key for entry in list_entries(read_benchmark(changed))] == before


@pytest.mark.parametrize(
    "change",
    [("epochs = 3", "epochs = 4"), ("latent = 2", "latent = 3"), ("[32]", "[33]"), ("weight = 10", "weight = 11")],
)
def test_whatever_decides_a_result_is_part_of_the_identity(write, change):
    before = [entry.run.key for entry in list_entries(read_benchmark(write()))]
    assert [entry.run.key for entry in list_entries(read_benchmark(write(change)))] != before


def test_all_problems_are_reported_with_lines_and_remedies(write):
    path = write(
        ('"digits"', '"digit"'),
        ("epochs = 3", "epohcs = 3"),
        ('"elbo"', '{ use = "elbo", beta = "big" }'),
        ('"mmd"', '"mdm"'),
        ("latent = 2", "latent = 0"),
    )
    assert problems(path) == [
        "FILE:3: dataset[0]: no dataset is called 'digit'; did you mean 'digits'?",
        "FILE:5: latent: must be at least 1, not 0",
        "FILE:9: training.epohcs: there is no setting of this name; did you mean 'epochs'?",
        "FILE:13: method[0].objective.beta: must be a number, not 'big'",
        "FILE:18: method[1].objective.divergence: no divergence is called 'mdm'; did you mean 'mmd'?",
    ]


def test_contradictions_are_reported_too(write):
    path = write(('"VIMAE"', '"VAE"'), ("[training]", "[[leave_out]]\nmethod = 'VEA'\n[[leave_out]]\n[training]"))
    assert problems(path) == [
        "FILE:20: method[1].label: 'VAE' is the label of an earlier method too; every row needs its own",
        "FILE:9: leave_out[0].method: no method here is 'VEA'; did you mean 'VAE'?",
        "FILE:10: leave_out[1]: leaves out everything; name a method, a dataset or an architecture",
    ]


def test_duplicates_with_the_same_settings_are_reported(write):
    path = write(('"digits"', '["digits", "digits"]'), ('["reconstruction"]', '["rate", "rate"]'))
    assert problems(path) == [
        "FILE:3: dataset[1]: 'digits' is named a second time with the same settings",
        "FILE:6: metrics[1]: 'rate' is named a second time with the same settings",
    ]


def test_a_missing_key_a_bad_name_and_duplicate_seeds_are_reported(write):
    path = write(('name = "small"\n', 'name = "../up"\n'), ("latent = 2\n", ""), ("[0, 1]", "[1, 1]"))
    found = "\n".join(problems(path))
    assert "name: must consist of lower-case letters, digits" in found
    assert "needs a value for 'latent'" in found
    assert "seeds: must not name anything twice" in found


def test_invalid_toml_is_reported_with_its_line(write):
    (problem,) = problems(write(("seeds = [0, 1]", "seeds = 0, 1]")))
    assert problem.startswith("FILE: is not TOML: ")
    assert "at line 2" in problem


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(BenchError, match="No such file"):
        read_benchmark(tmp_path / "none.toml")


def test_overrides_change_the_file_before_it_is_checked(write):
    path = write()
    benchmark = read_benchmark(
        path, ["training.epochs=5", "method.0.objective.beta=0.5", "executor.jobs=1", "dataset=digits"]
    )
    assert (benchmark.groups[0].training.epochs, benchmark.groups[0].methods[0].objective.settings["beta"]) == (5, 0.5)
    assert benchmark.executor.settings["jobs"] == 1
    assert "training.epochs: must be an integer, not 'many'" in problems(path, "training.epochs=many")[0]
    with pytest.raises(BenchError, match="must be of the form key=value"):
        read_benchmark(path, ["training.epochs"])
    with pytest.raises(BenchError, match="there is no place"):
        read_benchmark(path, ["method.7.label=x"])


def test_the_matrix_is_the_product_of_its_axes_without_what_is_left_out(write):
    assert [(c.run.seed, c.label) for c in list_entries(read_benchmark(write()))] == [
        (0, "VAE"),
        (0, "VIMAE"),
        (1, "VAE"),
        (1, "VIMAE"),
    ]
    less = write(("[training]", "[[leave_out]]\nmethod = 'VAE'\ndataset = 'digits'\n[training]"))
    assert [c.label for c in list_entries(read_benchmark(less))] == ["VIMAE", "VIMAE"]


def test_a_filter_matches_words_of_names_and_their_negation(write):
    matrix = list_entries(read_benchmark(write()))
    assert [(c.label, c.run.seed) for c in select_entries(matrix, "vae s1")] == [("VAE", 1)]
    assert {c.label for c in select_entries(matrix, "not logistic")} == {"VAE"}
    assert select_entries(matrix, "") == matrix
    with pytest.raises(NothingSelected):
        select_entries(matrix, "gan")


def test_a_run_survives_the_way_through_json(write):
    for entry in list_entries(read_benchmark(write())):
        assert Run.from_json(entry.run.as_json()) == entry.run
        assert Run.from_json(entry.run.as_json()).key == entry.run.key


def test_planning_a_thousand_runs_does_not_wait_for_torch(write, fresh_catalog):
    path = write(("[0, 1]", str(list(range(500)))))
    read_benchmark(path)  # builds the catalog
    code = (
        "import sys, click.testing, vimae_bench.cli as c;"
        f"r = click.testing.CliRunner().invoke(c.main, ['plan', {str(path)!r}]);"
        "assert r.exit_code == 0, r.output; assert '1000 runs' in r.output;"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules and 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_method_may_have_a_training_of_its_own(write):
    matrix = list_entries(
        read_benchmark(write(('label = "VIMAE"', 'label = "VIMAE"\ntraining = { learning_rate = 0.5 }')))
    )
    plain, own = matrix[:2]
    assert (own.run.training.learning_rate, own.run.training.epochs) == (0.5, plain.run.training.epochs)
    assert own.run.key != plain.run.key
    assert own.table_run.training == plain.run.training
    assert plain.table_run is plain.run


def test_a_training_of_its_own_that_is_that_of_all_changes_nothing(write):
    before = list_entries(read_benchmark(write()))
    assert (
        list_entries(
            read_benchmark(write(('label = "VIMAE"', 'label = "VIMAE"\ntraining = { learning_rate = 0.001 }')))
        )
        == before
    )


def test_an_a_a_control_is_trained_as_the_method_that_it_repeats(write):
    again = '[[method]]\nlabel = "again"\nrepeats = "VIMAE"\n'
    path = write(('label = "VIMAE"', 'label = "VIMAE"\ntraining = { batch = 50 }'))
    path.write_text(path.read_text() + again)
    assert {c.run.training.batch for c in list_entries(read_benchmark(path)) if c.label in ("VIMAE", "again")} == {50}


def test_a_preset_does_not_hide_that_there_is_no_method(write):
    path = write(("latent = 2", 'latent = 2\npreset = "paper"'))
    path.write_text(path.read_text().partition("[[method]]")[0])
    assert problems(path) == ["FILE: needs a value for 'method'"]


@pytest.mark.parametrize(
    ("setting", "most"),
    [("threads", 1024), ("epochs", 1_000_000), ("batch", 1_000_000), ("pretraining", 1_000_000)],
)
def test_absurd_numbers_of_a_training_are_refused_with_the_most_that_makes_sense(setting, most, benchmark_file):
    with pytest.raises(InvalidFileError, match=f"training.{setting}: must be at most {most}, not 1000000000"):
        read_benchmark(benchmark_file(training={setting: 10**9}))
    read_benchmark(benchmark_file(training={setting: most}))
