import pytest

from vimae_bench.analysis.trials import TrialResult, TuningResult
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.search_space import apply_settings
from vimae_bench.core.errors import BenchError
from vimae_bench.core.results import Measure
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.tuning.write_config import format_tuned_benchmark

SSE = Measure("sse", "[0,1]^2", "lower")
SETTINGS = {
    "VAE": {"objective.beta": 0.5, "training.batch": 50},
    "VIMAE": {"objective.divergence.kernel": "rbf", "prior": "logistic"},
}


def tuned(**lost):
    return [
        TuningResult(
            label, (TrialResult(1, settings, {100: 3.0}, None if label in lost else 3.0, lost.get(label, "")),), SSE
        )
        for label, settings in SETTINGS.items()
    ]


@pytest.fixture
def text(planned):
    benchmark, study = planned()
    return format_tuned_benchmark(benchmark, (), study, tuned(), "vimae-bench tune search.toml")


def test_the_written_file_plans_the_chosen_settings_from_the_seeds_to_rank_on(text, planned, tmp_path):
    (tmp_path / "tuned.toml").write_text(text)
    made, (benchmark, _) = read_benchmark(tmp_path / "tuned.toml"), planned()
    (group,), (before,) = made.groups, benchmark.groups
    assert (made.name, group.seeds, group.datasets) == ("search-tuned", (0, 1), before.datasets)
    expected = [apply_settings(method, SETTINGS.get(method.label, {}), get_catalog()) for method in before.methods]
    assert list(group.methods[:3]) == expected[:3]
    vae, again = group.methods[1], group.methods[3]
    assert (again.control_of, again.objective, again.training) == ("VAE", vae.objective, {"batch": 50})


def test_the_written_file_says_where_it_comes_from_and_keeps_its_comments(text):
    lines = text.splitlines()
    assert lines[0] == "#:schema ./schema.json"
    assert lines[1] == "# Made by `vimae-bench tune search.toml`."
    assert "4 trials each on validation sse (random search, seeds 100, 101); not tuned: AE." in lines[2]
    said = "trial 1, sse 3, best of 1 trial by its mean over 1 seed; the only one with a value."
    assert lines[3:5] == [f"# VAE: {said}", f"# VIMAE: {said}"]
    assert "# Two of three are tuned." in lines
    assert "# its beta is chosen" in text
    assert "search =" not in text
    assert "[tuning]" not in text


def test_a_name_with_a_line_in_it_ends_no_comment(planned, tmp_path):
    benchmark, study = planned()
    (tmp_path / "tuned.toml").write_text(
        format_tuned_benchmark(benchmark, (), study, tuned(), "vimae-bench tune 'a\nb\x1b[0m'")
    )
    assert read_benchmark(tmp_path / "tuned.toml").name == "search-tuned"


def test_overrides_are_in_the_written_file(planned, tmp_path):
    benchmark, study = planned()
    overrides = ["training.epochs=3", "method.2.objective.weight=2.0", "leaderboard.rank_by=sse"]
    (tmp_path / "tuned.toml").write_text(format_tuned_benchmark(benchmark, overrides, study, tuned(), ""))
    made = read_benchmark(tmp_path / "tuned.toml")
    (group,) = made.groups
    assert (group.training.epochs, group.methods[2].objective.settings["weight"]) == (3, 2.0)
    assert (made.leaderboard.rank_by, made.leaderboard.provenance[:17]) == ("sse", "Tuned, 4 trials e")


def test_a_method_without_a_successful_trial_is_refused(planned):
    benchmark, study = planned()
    with pytest.raises(BenchError, match="VAE: all of its 1 trials failed: seed 100 diverged"):
        format_tuned_benchmark(benchmark, (), study, tuned(VAE="seed 100 diverged"), "")
