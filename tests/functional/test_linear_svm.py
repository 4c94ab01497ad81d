import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar
from sklearn.svm import SVC

from vimae_bench.functional.linear_svm import fit_bias, minimize_hinge_loss


def problem(seed: int, features: int, scale: float, apart: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(120) % 3 > 0, 1.0, -1.0)
    x = rng.standard_normal((120, features)) + 2 * rng.standard_normal(features)
    x[:, 0] += apart * y
    return scale * x, y


def objective(w: np.ndarray, b: float, x: np.ndarray, y: np.ndarray, cost: float = 1.0) -> float:
    return float(w @ w / 2 + cost * np.maximum(0, 1 - y * (x @ w + b)).sum())


@pytest.mark.parametrize("features", [1, 3, 40, 300])
@pytest.mark.parametrize("scale", [1e-3, 0.05, 0.5])
@pytest.mark.parametrize("apart", [0.2, 3.0])
def test_the_minimum_is_that_of_libsvm(features, scale, apart):
    x, y = problem(0, features, scale, apart)
    for cost in (1.0, 0.05):
        theirs = SVC(C=cost, kernel="linear", tol=1e-5).fit(x, y)
        w, b = minimize_hinge_loss(x, y, cost)
        value = objective(theirs.coef_[0], theirs.intercept_[0], x, y, cost)
        dual = np.abs(theirs.dual_coef_).sum() - np.sum(theirs.coef_**2) / 2
        # libsvm keeps its kernel in float32, so that its values are bounds, and not near enough to be equal.
        assert dual - 1e-5 * value <= objective(w, b, x, y, cost) <= value * (1 + 1e-9)
        size = max(np.abs(w).max(), 1e-3 / scale)  # the one that moves decisions by 0.001
        assert w == pytest.approx(theirs.coef_[0], abs=1e-2 * size)
        assert b == pytest.approx(theirs.intercept_[0], abs=1e-2)


@pytest.mark.parametrize("features", [1, 3, 40])
@pytest.mark.parametrize("scale", [30.0, 1000.0, 1e5])
def test_at_scales_that_libsvm_cannot_manage_a_linear_programme_says_how_low_it_can_be(features, scale):
    """The least sum of slacks, whatever w, is a lower bound; with that programme's w it is an upper one."""
    x, y = problem(1, features, scale, 0.2)
    n = len(y)
    # Variables w, b, slack; slack >= 1 - y (x·w + b).
    rows = -np.concatenate([y[:, None] * x, y[:, None], np.eye(n)], axis=1)
    free = [(None, None)] * (features + 1) + [(0, None)] * n
    found = linprog(np.concatenate([np.zeros(features + 1), np.ones(n)]), rows, -np.ones(n), bounds=free)
    value = objective(*minimize_hinge_loss(x, y), x, y)
    w = found.x[:features]
    assert found.fun > 10, "classes overlap"
    near = 1e-3 if scale > 1000 else 1e-6
    assert found.fun * (1 - near) <= value <= (found.fun + w @ w / 2) * (1 + near)
    assert w @ w / 2 < 0.01 * found.fun, "the two bounds are near"


@pytest.mark.parametrize("seed", range(10))
def test_the_bias_has_the_least_loss_and_is_the_middle_of_those_that_have(seed):
    rng = np.random.default_rng(seed)
    decision, y = rng.standard_normal(31), np.where(rng.random(31) < 0.4, 1.0, -1.0)
    loss = lambda b: np.maximum(0, 1 - y * (decision + b)).sum()  # noqa: E731
    b = fit_bias(decision, y)
    assert loss(b) == pytest.approx(minimize_scalar(loss, bounds=(-5, 5), method="bounded").fun, abs=1e-4)
    grid = np.linspace(-5, 5, 200_001)
    level = grid[np.abs(np.maximum(0, 1 - y * (decision + grid[:, None])).sum(1) - loss(b)) < 1e-9]
    assert b == pytest.approx((level[0] + level[-1]) / 2, abs=1e-4)
