"""What is known to go wrong before anything is trained."""

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.core.errors import InvalidFileError
from vimae_bench.engine.preflight import check_benchmark

# The convolutional nets serve no image of 8 x 8 pixels.
TEXT = """
name = "small"
seeds = [0]
dataset = "digits"
architecture = ["mlp", "conv"]
latent = 2
LEAVE_OUT
[[method]]
label = "AE"
objective = "ae"
prior = "normal"
"""

FITTING = """
name = "small"
seeds = [0]
architecture = "mlp"
latent = 2
metrics = ["reconstruction"]

[[method]]
label = "VAE"
objective = "elbo"
prior = "normal"

[[group]]
dataset = "digits"

[[group]]
dataset = { use = "digits", validation = 100 }
metrics = ["reconstruction", "svm"]
"""


@pytest.mark.parametrize("refused", [True, False])
def test_a_model_that_does_not_fit_is_refused_unless_it_is_left_out(tmp_path, refused):
    file = tmp_path / "small.toml"
    file.write_text(TEXT.replace("LEAVE_OUT", "" if refused else "leave_out = [{ architecture = 'conv' }]"))
    if refused:
        with pytest.raises(InvalidFileError, match=r"architecture\[1\]: for AE on digits: .*conv over digits"):
            check_benchmark(read_benchmark(file), tmp_path, print)
    else:
        check_benchmark(read_benchmark(file), tmp_path, print)


def refused(tmp_path, *changes):
    file = tmp_path / "small.toml"
    text = FITTING
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    with pytest.raises(InvalidFileError) as caught:
        check_benchmark(read_benchmark(file), tmp_path, print)
    return str(caught.value).replace(str(file), "FILE").splitlines()


def test_what_fits_is_not_refused(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(FITTING)
    check_benchmark(read_benchmark(file), tmp_path, print)


def test_a_metric_that_does_not_fit_the_data_is_refused_at_its_line(tmp_path):
    (problem,) = refused(tmp_path, ('"svm"]', '"svm", "disentanglement"]'))
    assert problem.startswith("FILE:18: group[1].metrics[2]: does not fit digits: ")
    assert "factors" in problem


def test_an_objective_that_cannot_train_over_a_prior_is_refused_with_what_would_fit(tmp_path):
    (problem,) = refused(tmp_path, ('prior = "normal"', 'prior = "logistic"'))
    assert problem.startswith("FILE:10: method[0].objective: for VAE on digits: ")
    assert "elbo_sampled" in problem


def test_all_problems_are_reported_at_once(tmp_path):
    few = ("validation = 100", "validation = 1400")
    found = refused(tmp_path, ('prior = "normal"', 'prior = "logistic"'), ('"svm"]', '"disentanglement"]'), few)
    assert len(found) == 3
    assert any("training.batch" in line or "training images, fewer than one batch" in line for line in found)


LEADERBOARD = "seeds = [0]\nleaderboard = {{ {} }}\n"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("rank_by = 'sze'", "leaderboard.rank_by: no metric here measures 'sze'; did you mean 'sse'?"),
        (
            "columns = ['sse', 'svm clan']",
            "leaderboard.columns[1]: no metric here measures 'svm clan'; did you mean 'svm clean'?",
        ),
        (
            "margins = { sse = '5 %', 'svm clan' = 1 }",
            "leaderboard.margins.svm clan: no metric here measures 'svm clan'; did you mean 'svm clean'?",
        ),
        (
            "margins = { sse = 0.5 }",
            "leaderboard.margins.sse: must be relative, such as '5 %', since sse is compared by ratios, not 0.5",
        ),
        ("margins = { sse = '120 %' }", "leaderboard.margins.sse: must be less than 100 %, not '120 %'"),
        (
            "margins = { sse = '5 dB' }",
            "leaderboard.margins.sse: must be relative, such as '5 %', since sse is compared by ratios, not '5 dB'",
        ),
    ],
)
def test_a_measure_that_no_metric_gives_is_reported_with_its_line(tmp_path, key, problem):
    (found,) = refused(tmp_path, ("seeds = [0]\n", LEADERBOARD.format(key)))
    assert found.startswith("FILE:")
    assert found.endswith(problem)


def test_a_measure_without_a_direction_cannot_be_ranked_by(tmp_path):
    changes = (
        ("seeds = [0]\n", LEADERBOARD.format("rank_by = 'rate'")),
        ('["reconstruction"]', '["rate", "reconstruction"]'),
    )
    (found,) = refused(tmp_path, *changes)
    assert "leaderboard.rank_by: 'rate' has no better direction, so nothing can be ranked by it (there is: " in found


def test_a_measure_without_a_direction_takes_no_margin(tmp_path):
    changes = (
        ("seeds = [0]\n", LEADERBOARD.format("margins = { rate = 0.5 }")),
        ('["reconstruction"]', '["rate", "reconstruction"]'),
    )
    (found,) = refused(tmp_path, *changes)
    assert "FILE:4: leaderboard.margins.rate: 'rate' has no better direction, so it is not tested (there is: " in found


def test_measures_of_any_group_are_known(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(FITTING.replace("seeds = [0]\n", LEADERBOARD.format("rank_by = 'svm clean'"), 1))
    check_benchmark(read_benchmark(file), tmp_path, print)


SMALL_BATCHES = {
    "a divergence": ("training.batch", "vimae", "kl_neighbours", 3, 4),
    "a setting of the divergence": ("training.batch", "wae_mmd", {"use": "kl_neighbours", "neighbours": 10}, 10, 11),
    "another objective": ("training.batch", "infovae", "kl_neighbours", 2, 4),
    "a method's own batch": ("method[0].training.batch", "vimae", "kl_neighbours", 3, 4),
}


@pytest.mark.parametrize("case", SMALL_BATCHES.values(), ids=SMALL_BATCHES)
def test_batches_that_are_too_small_for_an_objective_are_refused(case, benchmark_file, tmp_path):
    where, objective, divergence, batch, least = case
    weights = {"a": 0.5, "l": 2.0} if objective == "infovae" else {}
    method = {"label": "A", "objective": {"use": objective, "divergence": divergence, **weights}, "prior": "normal"}
    if where.startswith("method"):
        method["training"] = {"batch": batch}
    training = {"epochs": 1} if where.startswith("method") else {"epochs": 1, "batch": batch}
    with pytest.raises(InvalidFileError) as caught:
        check_benchmark(read_benchmark(benchmark_file(method=[method], training=training)), tmp_path, print)
    said = f"{where}: for A: its objective takes a batch of {least} or more images, not {batch}"
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize("objective", ["ae", {"use": "wae_mmd", "divergence": "mmd"}], ids=str)
def test_a_prior_of_gaussian_posteriors_is_refused_without_them(objective, benchmark_file, tmp_path):
    method = {"label": "A", "objective": objective, "prior": "vamp"}
    with pytest.raises(InvalidFileError, match=r"objective: for A on .*: the prior 'vamp' is a mixture of Gaussian"):
        check_benchmark(read_benchmark(benchmark_file(method=[method])), tmp_path, print)


def test_the_least_batch_of_an_objective_is_accepted(benchmark_file, tmp_path):
    method = {"label": "A", "objective": {"use": "vimae", "divergence": "kl_neighbours"}, "prior": "normal"}
    check_benchmark(read_benchmark(benchmark_file(method=[method], training={"batch": 4})), tmp_path, print)


@pytest.mark.parametrize("change", [{"latent": 10**9}, {"architecture": {"use": "mlp", "hidden": [10**9]}}], ids=str)
def test_models_that_are_too_large_for_the_memory_are_refused_in_plain_words(change, benchmark_file, tmp_path):
    with pytest.raises(InvalidFileError, match="the model takes more memory than there is; choose a smaller `latent`"):
        check_benchmark(read_benchmark(benchmark_file(**change)), tmp_path, print)
