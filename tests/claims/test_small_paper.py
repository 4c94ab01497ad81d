"""The verdict on the committed results: values that an independent computation gives."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from vimae_bench.analysis.load import load_all_benchmark_results
from vimae_bench.claims.paper import default_paper_path, read_paper
from vimae_bench.claims.verdict import evaluate_paper
from vimae_bench.reports.claims_text import format_badge, format_tally, list_limits, list_summary_notes

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def verdict():
    loaded = load_all_benchmark_results([RESULTS / "paper-small.zip", RESULTS / "fig1.zip"], RESULTS)
    return evaluate_paper(read_paper(default_paper_path()), [result for one in loaded for result in one.run_results])


@pytest.fixture(scope="module")
def claims(verdict):
    return {found.claim.id: found for found in verdict.claims}


def get_pairs(found, reading: int = 0):
    return [pair for finding in found.readings[reading].findings for pair in finding.comparisons]


@pytest.mark.parametrize(
    ("table", "method", "condition", "mean", "half", "match"),
    [
        ("2", "beta_h", "mask_0.2", 17.91, 1.35, "compatible"),
        ("2", "vimae_l", "gauss_0.3", 35.34, 1.37, "compatible"),
        ("4", "beta_h", "mask_0.5", 20.78, 3.63, "compatible"),
        ("4", "vae", "mask_0.5", 29.45, 13.6, "cannot tell"),
        ("4", "beta_h", "mask_0.2", 36.98, 18.8, "cannot tell"),
        ("4", "vimae_l", "mask_0.5", 37.1, 25.9, "cannot tell"),
    ],
)
def test_predictions_cover_seeds_draws_and_the_rest(
    verdict, table: str, method: str, condition: str, mean: float, half: float, match: str
):
    (values,) = [found.values for found in verdict.tables if found.table.id == table]
    (value,) = [value for value in values if (value.method, value.condition) == (method, condition)]
    low, high = value.prediction
    assert ((low + high) / 2, (high - low) / 2) == (pytest.approx(mean, abs=0.01), pytest.approx(half, abs=0.06))
    assert value.match == match


def test_of_65_values_14_were_compatible_over_seeds_alone_and_5_more_are_now(verdict):
    values = [value for table in verdict.tables for value in table.values if value.prediction]
    counts = Counter(value.match for value in values)
    assert (len(values), counts["compatible"] + counts["cannot tell"]) == (65, 14 + 5)
    assert counts["cannot tell"] == 4


def test_a_wider_interval_covers_label_draws(verdict):
    """Over seeds alone it was 76.53 +- 0.94."""
    (values,) = [found.values for found in verdict.tables if found.table.id == "4"]
    low, high = values[0].interval
    assert (high - low) / 2 == pytest.approx(2.7, abs=0.2)


def test_conventions_of_noise_are_alternatives(claims):
    """|nu| <= 0.01, literally, adds 3.9 nats for eight latent dimensions."""
    wide, narrow = (stats.truncnorm(-cut, cut, scale=0.01).std() for cut in (2, 1))
    (shift,) = {reading.option.shift_per_dimension["vimae_n"] for reading in claims["C04"].readings[1:]}
    assert shift == pytest.approx(np.log(wide / narrow), abs=1e-4)
    assert 8 * shift == pytest.approx(3.9, abs=0.02)
    ratios = [{(p.a, f.evidence.setup.id): p.mean for f in r.findings for p in f.comparisons if f.test.kind == "ratio"}
        for r in claims["C04"].readings]  # fmt: skip
    assert ratios[0]["vimae_n", "MNIST"] == pytest.approx(2.273, abs=0.001)
    assert ratios[1]["vimae_n", "MNIST"] == pytest.approx(2.479, abs=0.001)
    assert ratios[0]["vimae_n", "CIFAR-10"] > 8
    assert [reading.verdict for reading in claims["C04"].readings] == ["contradicted", "contradicted"]


def test_the_likelihood_of_samples_depends_on_the_estimator(claims):
    found = claims["C05"]
    assert found.verdict == "depends"
    assert [(pair.a, pair.b) for pair in found.reversals] == [("vimae_n", "vae"), ("vimae_n", "beta_a")]
    assert [reading.verdict for reading in found.readings] == ["not decided", "contradicted", "not testable"]
    assert format_badge(found) == "depends on the estimator at 1/16 width and 2 epochs"


def test_a_fall_of_eight_points_contradicts_a_published_fall_of_eighty(claims):
    found = claims["C09"].readings[0]
    fall, figure = get_pairs(claims["C09"])
    assert (found.option.label, found.verdict) == ("svm", "contradicted")
    assert fall.mean == pytest.approx(-7.96, abs=0.01)
    assert (figure.value, figure.mean) == (13, pytest.approx(72.79, abs=0.01))
    assert {fall.verdict, figure.verdict} == {"contradicted"}


def test_equal_methods_do_not_support_that_one_is_better(claims):
    found = claims["C10"].readings[0]
    assert found.verdict == "not decided"
    assert "0 of 4 comparisons support it" in found.reason


def test_five_seeds_of_one_method_may_be_skewed(claims):
    (pair,) = get_pairs(claims["C12"])
    assert pair.mean == pytest.approx(-0.408, abs=0.001)
    assert pair.shown_interval[1] < 0
    assert 0.05 < pair.p < 0.1
    assert (pair.verdict, pair.reason) == ("not decided", "p allows for skewed values")
    assert claims["C12"].readings[0].verdict == "not decided"


@pytest.mark.parametrize(("claim", "apart"), [("C03", 6), ("C04", 6), ("C05", 3), ("C08", 1), ("C11", 6), ("C18", 2)])
def test_collapsed_methods_are_never_agreement(claims, claim: str, apart: int):
    pairs = get_pairs(claims[claim])
    assert [pair.methods_apart for pair in pairs if pair.apart] == [("beta_h",)] * apart
    assert not any(pair.verdict in ("supported", "contradicted") for pair in pairs if pair.apart)
    assert claims[claim].number_of_tests <= len(claims[claim].readings) * (len(pairs) - apart)


def test_a_baseline_that_the_paper_does_not_have_decides_no_claim(claims):
    """On MNIST in 2-D, the MMD of AE is 0.29 to 0.64 and that of the others below 0.03."""
    pair = get_pairs(claims["C01"])[1]
    values = {
        label: [result.estimates["mmd2 prior"].value for result in results]
        for label, results in load_figure_1("VIMAE-n", "β_A-VAE").items()
    }
    differences = np.subtract(values["VIMAE-n"], values["β_A-VAE"])
    alone = stats.ttest_1samp(differences, 0)
    assert (pair.a, pair.b, pair.mean) == ("vimae_n", "beta_a", pytest.approx(differences.mean(), abs=1e-9))
    assert pair.p < 0.001  # of AE, whose spread is fifty times as large, nothing is in it
    assert pair.interval == pytest.approx(alone.confidence_interval(0.95), abs=0.002)
    assert pair.verdict == "supported"
    assert (claims["C01"].forecast.verdict, claims["C03"].forecast.verdict) == ("supported", "supported")


def load_figure_1(*labels):
    """The results of methods by seed."""
    (loaded,) = load_all_benchmark_results([RESULTS / "fig1.zip"], RESULTS)
    found = {label: [r for r in loaded.run_results if r.entry.label == label] for label in labels}
    return {label: sorted(results, key=lambda result: result.entry.seed) for label, results in found.items()}


def test_the_summary_has_no_verdict_without_its_scale(verdict):
    assert format_tally(verdict) == (
        "20 claims: 1 supported; 1 contradicted at 1/16 width and 2 to 4 epochs; 1 contradicted; "
        "1 depends on the estimator at 1/16 width and 2 epochs; 2 not decided; "
        "8 not decided at 1/16 width and 2 to 4 epochs; 4 not measured; 2 not testable"
    )
    notes = list(list_summary_notes(verdict))
    assert notes[1].startswith(
        "65 published values compared with the prediction for one run at 1/16 width and 2 to 4 epochs: "
        "46 not compatible, 15 compatible, 4 cannot tell."
    )
    assert "13 of these values are of a method that collapsed here or nearly did: 10 not compatible, 2" in notes[2]
    assert notes[3] == (
        "40 of these values are measured under svm only, though the paper may mean svm linear and tsvm."
    )


def test_claims_are_those_of_the_figures(claims):
    assert not any("CelebA" in line for claim in ("C03", "C04") for line in claims[claim].missing)
    assert {method for test in claims["C01"].claim.test if not test.aside for method in test.b} == {"vae", "beta_a"}


def test_classifiers_that_were_not_measured_leave_claims_open(verdict, claims):
    for claim in ("C08", "C09", "C10", "C11", "C12", "C18"):
        assert claims[claim].verdict == "not decided"
        assert "not measured under svm linear and tsvm" in claims[claim].reason
        start = "contradicted under svm, " if claim in ("C08", "C09") else "under "
        assert f"{start}1 of 3 readings of the classifier" in list_limits(verdict.paper, claims[claim])
    for found in verdict.tables:
        if found.table.id in ("2", "3"):
            assert [option.label for option in found.unmeasured] == ["svm linear", "tsvm"]


def test_badges_have_the_scale_of_the_runs(claims):
    assert format_badge(claims["C03"]) == "not decided at 1/16 width and 2 to 4 epochs"
    assert format_badge(claims["C04"]) == "contradicted at 1/16 width and 2 to 4 epochs"
    assert format_badge(claims["C01"]) == "not decided"
    assert format_badge(claims["C14"]) == "supported"


def test_verdicts_by_outdated_measures_say_so(verdict, claims):
    """The committed rate on Omniglot is of 13 characters."""
    assert "by outdated measures (°)" in list_limits(verdict.paper, claims["C04"])
    assert "by outdated measures (°)" not in list_limits(verdict.paper, claims["C03"])


def test_margins_that_only_a_proxy_measures_name_no_seeds(claims):
    assert claims["C06"].forecast is None
    assert "can show an order, but not a margin" in claims["C06"].reason


def test_numbers_of_seeds_are_those_of_whole_claims(claims):
    assert claims["C03"].forecast.seeds > 30
    for found in claims.values():
        for reading in found.readings:
            assert reading.forecast is None or reading.verdict == "not decided"
        if found.verdict != "not decided":
            assert found.forecast is None


def test_figure_1_supports_a_part_of_its_claims(claims):
    """VIMAE matches its prior better than β_A-VAE; against VAE, five seeds do not decide."""
    assert "2 of 4 comparisons support it" in claims["C01"].reason
    assert [pair.verdict for pair in get_pairs(claims["C01"])[:4]] == ["not decided", "supported"] * 2
    assert claims["C02"].verdict == "not decided"


def test_no_commit_is_shown_as_unknown(verdict):
    notes = [note for evidence in verdict.evidence for note in evidence.notes]
    assert any("unknown (24 runs)" in note for note in notes)
    assert not any("  (" in note for note in notes)
