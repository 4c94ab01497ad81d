"""Linear support vector machines, by an interior-point method.

Its time does not depend on the scale of the features, while that of libsvm does: where classes overlap and features
have a standard deviation of 100, libsvm takes hours, and is far from the solution when it is stopped earlier.
"""

from dataclasses import dataclass

import numpy as np

MAX_ITERATIONS = 50
RELATIVE_GAP = 1e-9
STEP_FRACTION = 0.995
"""How much of the way to the nearest bound a step goes at most."""


@dataclass(frozen=True)
class LinearSVM:
    """One machine for each pair of classes (i, j) with i < j: weights [F, pairs] and biases [pairs], positive for i."""

    classes: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class that wins the most pairs, the first of several, for features x [n, F]."""
        first, second = np.triu_indices(len(self.classes), 1)
        first_wins = x @ self.weights + self.biases > 0
        one_hot = np.eye(len(self.classes))
        return self.classes[(first_wins @ one_hot[first] + ~first_wins @ one_hot[second]).argmax(1)]


def fit_linear_svm(x: np.ndarray, y: np.ndarray, cost: float = 1.0) -> LinearSVM:
    """SVC(C=cost, kernel="linear") of scikit-learn for features x float64 [n, F] and labels y [n].

    Features of any scale take the same time, which the codes of an autoencoder without a prior need.
    """
    classes = np.unique(y)
    fitted = []
    for i, j in zip(*np.triu_indices(len(classes), 1), strict=True):
        is_either = (y == classes[i]) | (y == classes[j])
        signs = np.where(y[is_either] == classes[i], 1.0, -1.0)
        fitted.append(minimize_hinge_loss(x[is_either], signs, cost))
    weights, biases = zip(*fitted, strict=True)
    return LinearSVM(classes, np.stack(weights, axis=1), np.array(biases))


def minimize_hinge_loss(x: np.ndarray, y: np.ndarray, cost: float = 1.0) -> tuple[np.ndarray, float]:
    """The w [F] and b with the least ½|w|² + cost · Σ max(0, 1 - y (x·w + b)), for x [n, F] and y in {-1, 1} [n].

    Solves the dual by Mehrotra's predictor and corrector; a system is of the size of the features (Ferris and Munson,
    SIAM Journal on Optimization 13, 2002).
    """
    if x.shape[1] > len(x):  # in the space of the examples: w is a combination of them
        basis, coordinates = np.linalg.qr(x.T)
        w, b = minimize_hinge_loss(coordinates.T, y, cost)
        return basis @ w, b
    # The same problem for features around 0 and of the order of 1.
    centre = x.mean(0)
    scale = float(np.sqrt(np.mean((x - centre) ** 2))) or 1.0
    problem = _DualProblem(y[:, None] * (x - centre) / scale, y, cost * scale**2)
    best = problem.solve()
    w = problem.z.T @ best.alpha / scale
    return w, fit_bias(x @ w, y)


def fit_bias(decision: np.ndarray, y: np.ndarray) -> float:
    """The b with the least Σ max(0, 1 - y (decision + b)): the middle one where there are several, as in libsvm.

    The slope of the sum in b is -n for n positive examples where b is low, and increases by one at each y - decision.
    """
    kinks = np.sort(y - decision)
    positive = int(np.sum(y > 0))
    return float(kinks[positive - 1] + kinks[positive]) / 2


@dataclass(frozen=True)
class _Iterate:
    """Multipliers alpha [n] of the examples, their slack below the bound, b of Σ y alpha = 0, `low`, `high` of bounds.

    The slack is stored and not computed from alpha, as the difference would be lost to rounding.
    """

    alpha: np.ndarray
    slack: np.ndarray
    b: float
    low: np.ndarray
    high: np.ndarray

    def move_along(self, step: "_Iterate", length: float) -> "_Iterate":
        alpha, slack, b = self.alpha + length * step.alpha, self.slack + length * step.slack, self.b + length * step.b
        return _Iterate(alpha, slack, b, self.low + length * step.low, self.high + length * step.high)

    @property
    def gap(self) -> float:
        """The duality gap."""
        return float(self.alpha @ self.low + self.slack @ self.high)


@dataclass(frozen=True)
class _DualProblem:
    """The least ½|z'alpha|² - Σ alpha with Σ y alpha = 0 and alpha in its bounds; z [n, F] is features times y."""

    z: np.ndarray
    y: np.ndarray
    bound: float

    def solve(self) -> _Iterate:
        """The iterate with the least objective; ends when its duality gap is 0 up to rounding."""
        at = best = self._make_start()
        for _ in range(MAX_ITERATIONS):
            w = self.z.T @ at.alpha
            best = at if self.objective(at) <= self.objective(best) else best
            # Relative to |w|² and not to the sum of slacks, which is nearly constant where features vanish.
            if not at.gap > RELATIVE_GAP * (w @ w):
                break
            at = self._iterate(at)
        return best

    def objective(self, at: _Iterate) -> float:
        """The primal objective, ½|w|² + bound · Σ max(0, 1 - y (x·w + b)), for w = z'alpha."""
        w = self.z.T @ at.alpha
        return float(w @ w / 2 + self.bound * np.maximum(0, 1 - self.z @ w - at.b * self.y).sum())

    def _make_start(self) -> _Iterate:
        """A feasible point, the best for w along the difference of the classes' means."""
        alpha = np.where(self.y > 0, 1 / np.sum(self.y > 0), 1 / np.sum(self.y < 0))
        means = self.z.T @ alpha
        alpha = alpha * min(2 / float(means @ means or 1.0), self.bound / 2 / float(alpha.max()))
        slope = self.z @ (self.z.T @ alpha) - 1
        return _Iterate(alpha, self.bound - alpha, 0.0, np.maximum(slope, 0) + 1, np.maximum(-slope, 0) + 1)

    def _iterate(self, at: _Iterate) -> _Iterate:
        """A Newton step towards complementarity, corrected for its curvature, that stays within the bounds."""
        zeros = np.zeros(len(self.y))
        predictor = self._compute_direction(at, zeros, zeros)
        gap = at.move_along(predictor, _max_step(at, predictor)).gap
        centre = (gap / at.gap) ** 3 * at.gap / (2 * len(self.y))
        low, high = centre - predictor.alpha * predictor.low, centre - predictor.slack * predictor.high
        step = self._compute_direction(at, low, high)
        return at.move_along(step, STEP_FRACTION * _max_step(at, step))

    def _compute_direction(self, at: _Iterate, low: np.ndarray, high: np.ndarray) -> _Iterate:
        """The step after which the linearised products of bounds and multipliers have these values."""
        diagonal = (at.low / at.alpha + at.high / at.slack)[:, None]
        slope = self.z @ (self.z.T @ at.alpha) - 1 + at.b * self.y
        right_sides = np.stack([low / at.alpha - high / at.slack - slope, self.y], axis=1) / diagonal
        inner = np.eye(self.z.shape[1]) + self.z.T @ (self.z / diagonal)
        solved = right_sides - (self.z / diagonal) @ np.linalg.solve(inner, self.z.T @ right_sides)
        b = float((self.y @ solved[:, 0] + self.y @ at.alpha) / (self.y @ solved[:, 1]))
        alpha = solved[:, 0] - b * solved[:, 1]
        return _Iterate(
            alpha, -alpha, b, (low - at.low * alpha) / at.alpha - at.low, (high + at.high * alpha) / at.slack - at.high
        )


def _max_step(at: _Iterate, step: _Iterate) -> float:
    """The largest fraction of a step, at most 1, after which everything that must be positive still is."""
    value = np.concatenate([at.alpha, at.slack, at.low, at.high])
    change = np.concatenate([step.alpha, step.slack, step.low, step.high])
    return float(min(1.0, np.min(-value[change < 0] / change[change < 0], initial=1.0)))
