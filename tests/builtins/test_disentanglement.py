from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch
from scipy.stats import entropy as scipy_entropy
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score, mutual_info_score

from vimae_bench.models import Deterministic
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_bench.testing import check_metric
from vimae_builtin.metrics.disentanglement import (
    DciBoosting,
    Disentanglement,
    balanced_accuracy,
    compute_weighted_concentration,
    concentration,
    draw_codes,
    entropy,
    fit_boosting,
    fit_forests,
    information,
)

pytestmark = pytest.mark.medium

SMALL = Disentanglement(images=2000)
VALUES = {"x": 8, "y": 8}
SCORES = ("mig", "dci forest disentanglement", "dci forest completeness", "sap")


def factors(n: int = 2000) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: random.integers(0, values, n) for name, values in VALUES.items()}


@pytest.fixture
def encode_factors(linear_evaluation):
    """An evaluation of images with known factors, one pixel for each, whose code is a matrix times them."""

    def make(weight, known=None):
        known = known or factors()
        images = np.stack([30 * v for v in known.values()], 1).astype(np.uint8).reshape(-1, 1, 1, len(known))
        weight = torch.as_tensor(weight, dtype=torch.float32)
        evaluation = linear_evaluation(images, Deterministic(), [(weight, torch.zeros(len(weight)))])
        test = Examples(images, None, known)
        return replace(evaluation, splits=Splits(test, test, test))

    return make


def test_a_dimension_for_each_factor_is_perfect(encode_factors):
    found = SMALL(encode_factors(np.eye(2)))
    assert found["mig"].value == pytest.approx(1.0, abs=0.02)
    assert found["dci forest disentanglement"].value == pytest.approx(1.0, abs=0.02)
    assert found["dci forest completeness"].value == pytest.approx(1.0, abs=0.02)
    assert found["dci forest informativeness"].value == pytest.approx(1.0, abs=0.001)
    assert found["sap"].value == pytest.approx(1 - 1 / 8, abs=0.03)  # chance with eight values is an eighth


def test_the_order_the_signs_and_the_scales_of_dimensions_do_not_matter(encode_factors):
    straight, turned = SMALL(encode_factors(np.eye(2))), SMALL(encode_factors([[0, -50.0], [0.1, 0]]))
    for name, estimate in straight.items():
        assert turned[name].value == pytest.approx(estimate.value, abs=0.02), name


def test_codes_halfway_between_the_factors_are_not_disentangled_though_they_tell_as_much(encode_factors):
    found = SMALL(encode_factors(np.array([[1.0, 1.0], [1.0, -1.0]])))
    assert found["mig"].value < 0.05
    assert found["dci forest disentanglement"].value < 0.1
    assert found["dci forest completeness"].value < 0.1
    assert found["sap"].value < 0.06
    assert found["dci forest informativeness"].value > 0.9


def test_codes_that_have_nothing_to_do_with_the_factors_score_nothing(encode_factors):
    known = factors()
    shuffled = {name: np.random.default_rng(1).permutation(v) for name, v in known.items()}
    evaluation = encode_factors(np.eye(2), known)
    test = replace(evaluation.splits.test, factors=shuffled)
    found = SMALL(replace(evaluation, splits=replace(evaluation.splits, test=test)))
    assert found["dci forest informativeness"].value == pytest.approx(1 / 8, abs=0.04)
    for name in SCORES:
        assert found[name].value == pytest.approx(0, abs=0.05), name


def test_a_code_that_never_moves_scores_nothing(encode_factors):
    found = SMALL(encode_factors(np.zeros((2, 2))))
    assert [found[name].value for name in ("mig", "dci forest disentanglement", "dci forest completeness", "sap")] == [
        0,
        0,
        0,
        0,
    ]


def test_one_dimension_for_two_factors_is_complete_for_neither_and_disentangled_for_none(encode_factors):
    """Two dimensions that both hold 8 * x + y: each tells both factors, and neither is ahead of the other."""
    found = SMALL(encode_factors([[8.0, 1.0], [8.0, 1.0]]))
    assert found["mig"].value == pytest.approx(0, abs=1e-9)
    assert found["dci forest disentanglement"].value < 0.1


def test_two_dimensions_for_one_factor_are_disentangled_but_not_complete(encode_factors):
    found = SMALL(encode_factors([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))
    assert found["dci forest disentanglement"].value > 0.95
    assert found["dci forest completeness"].value == pytest.approx(0.5, abs=0.1)  # 1 - log 2 / log 4
    assert found["mig"].value == pytest.approx(0, abs=1e-9)


def test_what_is_not_defined_is_left_out(encode_factors):
    known = {**factors(), "colour": np.zeros(2000, dtype=np.int64)}
    assert set(SMALL(encode_factors([[1.0, 0.0, 0.0]], known))) == {
        "dci forest informativeness",
        "dci forest disentanglement",
    }
    single = {"x": factors()["x"]}
    assert set(SMALL(encode_factors([[1.0], [0.0]], single))) == {
        "mig",
        "dci forest completeness",
        "dci forest informativeness",
        "sap",
    }
    still = SMALL(encode_factors(np.eye(3), known))
    assert still["mig"].value == pytest.approx(1, abs=0.02), "a factor that does not vary is passed over"
    assert SMALL(encode_factors(np.eye(1), {"x": np.zeros(2000, dtype=np.int64)})) == {}


def test_a_factor_that_hardly_varies_is_left_out_of_the_blocks_in_which_it_does_not():
    v = {"x": factors()["x"], "rare": (np.arange(2000) == 3).astype(np.int64)}
    found = SMALL.estimate_scores(np.stack(list(v.values()), 1) + np.zeros((1, 2)), v)
    assert found["mig"].se is not None
    assert found["dci forest disentanglement"].se is None, "only one block has two factors"


def test_information_is_scikit_learns_of_the_same_bins():
    random = np.random.default_rng(0)
    v = random.integers(0, 5, 700)
    z = np.stack([v + random.standard_normal(700), random.standard_normal(700), np.full(700, 3.0)], 1)
    found = information(z, [v], 20)[:, 0]
    edges = np.histogram_bin_edges(z[:, 0], 20)[1:-1]
    assert found[0] == pytest.approx(mutual_info_score(np.digitize(z[:, 0], edges), v), rel=1e-9)
    assert found[2] == pytest.approx(0, abs=1e-12)
    assert entropy(v) == pytest.approx(scipy_entropy(np.bincount(v)), rel=1e-12)


def test_concentration_is_one_less_the_entropy_over_its_largest():
    weights = np.array([[1.0, 1, 1], [0, 2, 0], [3, 1, 0], [0, 0, 0]])
    expected = [0, 1, 1 - scipy_entropy([3, 1, 0], base=3), 0]
    assert concentration(weights) == pytest.approx(expected, abs=1e-12)


def test_balanced_accuracy_is_scikit_learns():
    v = np.array([0, 0, 0, 0, 2, 2])
    predicted = np.array([0, 0, 0, 2, 2, 0])
    assert balanced_accuracy(predicted == v, v) == pytest.approx(balanced_accuracy_score(v, predicted))


def test_bins_bound_what_a_factor_of_many_values_can_score(encode_factors):
    many = {"x": np.random.default_rng(0).integers(0, 8, 4000), "y": np.random.default_rng(1).integers(0, 8, 4000)}
    found = Disentanglement(images=4000, bins=4)(encode_factors(np.eye(2), many))
    assert found["mig"].value == pytest.approx(log(4) / log(8), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("n", [500, 1000])
@pytest.mark.parametrize("weight", [np.eye(3), [[1, 0, 0], [0.3, 1, 0], [0, 0.5, 1], [0, 0, 0.2]]])
def test_standard_errors_are_what_fresh_images_vary_by(weight, n):
    """For one fixed linear code with noise."""
    rng, metric, studies = np.random.default_rng(0), Disentanglement(images=500, trees=3), []
    for _ in range(200):
        v = {name: rng.integers(0, 4, n) for name in "xyz"}
        z = np.stack(list(v.values()), 1) @ np.transpose(weight) + 0.5 * rng.standard_normal((n, len(weight)))
        found = metric.estimate_scores(z, v)
        assert found.pop("sap").se is None
        studies.append([(estimate.value, estimate.se) for estimate in found.values()])
    values, errors = np.moveaxis(np.array(studies), 2, 0)
    assert np.sqrt(np.mean(errors**2, axis=0)) == pytest.approx(values.std(0), rel=0.25)


def test_data_without_factors_are_refused(encode_factors):
    none = Examples(np.zeros((5, 1, 1, 2), dtype=np.uint8), None)
    few = replace(none, factors={"x": np.arange(5)})
    for metric in (SMALL, DciBoosting()):
        with pytest.raises(ValueError, match="dsprites and omniglot"):
            metric.check(Splits(none, none, none), ModelSpec((1, 1, 2), 2))
        with pytest.raises(ValueError, match="too few test images, 5; 500 or more"):
            metric.check(Splits(few, few, few), ModelSpec((1, 1, 2), 2))
        for values, reason in (
            (np.zeros(600, int), "every factor .* has the same value"),
            (np.arange(600), "'x' has 600 values"),
        ):
            test = Examples(np.zeros((600, 1, 1, 2), dtype=np.uint8), None, {"x": values})
            with pytest.raises(ValueError, match=reason):
                metric.check(Splits(none, none, test), ModelSpec((1, 1, 2), 2))
        metric.check(encode_factors(np.eye(2)).splits, ModelSpec((1, 1, 2), 2))


def compute_published_dci(z_train, z_test, factors_train, factors_test):
    """`compute_dci` of disentanglement_lib, of codes and factors as columns: the formulas of its `dci.py`."""
    importance, accuracy = np.zeros((len(z_train), len(factors_train))), []
    for i, (train, test) in enumerate(zip(factors_train, factors_test, strict=True)):
        model = GradientBoostingClassifier(random_state=0)
        model.fit(z_train.T, train)
        importance[:, i] = np.abs(model.feature_importances_)
        accuracy.append(np.mean(model.predict(z_test.T) == test))
    per_code = 1.0 - scipy_entropy(importance.T + 1e-11, base=importance.shape[1])
    per_factor = 1.0 - scipy_entropy(importance + 1e-11, base=importance.shape[0])
    if importance.sum() == 0.0:
        importance = np.ones_like(importance)
    return {
        "disentanglement": np.sum(per_code * importance.sum(axis=1) / importance.sum()),
        "completeness": np.sum(per_factor * importance.sum(axis=0) / importance.sum()),
        "informativeness": np.mean(accuracy),
    }


def test_boosting_gives_what_disentanglement_lib_gives(encode_factors):
    rng = np.random.default_rng(0)
    known = {name: rng.integers(0, 4, 900) for name in "xy"}
    noise = {"noise": rng.integers(0, 8, 900)}
    weight = np.array([[1.0, 0.1, 0.3], [0.2, 1.0, 0.1], [0.0, 0.5, 0.5]])
    evaluation = encode_factors(weight, {**known, **noise})
    test = replace(evaluation.splits.test, factors=known)
    evaluation = replace(evaluation, splits=replace(evaluation.splits, test=test))
    metric = DciBoosting(train=400, test=200)
    z, factors = draw_codes(evaluation, known, 600)
    columns = np.stack(list(factors.values()))
    expected = compute_published_dci(z[:400].T, z[400:].T, columns[:, :400], columns[:, 400:])
    found = metric(evaluation)
    assert {name: e.value for name, e in found.items()} == pytest.approx(
        {f"dci boosting {part}": value for part, value in expected.items()}, abs=1e-9
    )
    assert (found["dci boosting completeness"].n, found["dci boosting informativeness"].n) == (400, 200)
    assert {e.se for e in found.values()} == {None}


def test_boosting_and_forests_give_different_values_of_one_code():
    """Deep trees also split dimensions that tell nothing."""
    rng = np.random.default_rng(0)
    values = list(rng.integers(0, 2, (2, 4000)))
    z = np.stack([*values, *np.zeros((3, 4000))], 1) + np.array([0.5, 0.5, 1, 1, 1]) * rng.standard_normal((4000, 5))
    importance, _ = fit_boosting(z, values, 2700)
    forest = SMALL.compute_scores(z, values, fit_forests(z, values, SMALL.trees)[0])
    assert compute_weighted_concentration(importance) > forest["dci forest disentanglement"] + 0.2
    assert compute_weighted_concentration(importance.T) > forest["dci forest completeness"] + 0.2


def test_fewer_images_are_shared_out_in_proportion(encode_factors):
    known = {name: v[:600] % 2 for name, v in factors().items()}
    found = DciBoosting()(encode_factors(np.eye(2), known))
    assert {e.n for e in found.values()} == {400, 200}
    assert [round(e.value, 3) for e in found.values()] == [1, 1, 1]


def test_what_boosting_cannot_score_is_left_out(encode_factors):
    single, still = {"x": factors()["x"][:600] % 2}, {"x": np.zeros(600, dtype=np.int64)}
    assert set(DciBoosting()(encode_factors([[1.0], [0.0]], single))) == {
        "dci boosting completeness",
        "dci boosting informativeness",
    }
    assert set(DciBoosting()(encode_factors([[1.0]], single))) == {"dci boosting informativeness"}
    assert DciBoosting()(encode_factors(np.eye(1), still)) == {}
    assert compute_weighted_concentration(np.zeros((3, 2))) == pytest.approx(0, abs=1e-9)


def test_it_keeps_the_contract():
    check_metric(Disentanglement())
    check_metric(DciBoosting())
