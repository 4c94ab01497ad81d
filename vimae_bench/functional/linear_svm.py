"""The linear support vector machine of two classes, by an interior-point method.

Its time does not depend on the scale of the features, on which that of libsvm does: where classes overlap and features
have a standard deviation of 100, libsvm takes hours, and is far from the solution when it is stopped before.
"""

from dataclasses import dataclass

import numpy as np

STEPS = 50
PRECISION = 1e-9
SHORT_OF_THE_BOUNDS = 0.995


def hinge_minimum(x: np.ndarray, y: np.ndarray, cost: float = 1.0) -> tuple[np.ndarray, float]:
    """The w [F] and b with the least ½|w|² + cost · Σ max(0, 1 - y (x·w + b)), for x [n, F] and y in {-1, 1} [n].

    Solves the dual by Mehrotra's predictor and corrector; a system is of the size of the features (Ferris and Munson,
    SIAM Journal on Optimization 13, 2002).
    """
    if x.shape[1] > len(x):  # in the space of the examples: w is a combination of them
        basis, coordinates = np.linalg.qr(x.T)
        w, b = hinge_minimum(coordinates.T, y, cost)
        return basis @ w, b
    # The same problem for features around 0 and of the order of 1.
    centre = x.mean(0)
    scale = float(np.sqrt(np.mean((x - centre) ** 2))) or 1.0
    problem = _Problem(y[:, None] * (x - centre) / scale, y, cost * scale**2)
    best = problem.solution()
    w = problem.z.T @ best.alpha / scale
    return w, best_bias(x @ w, y)


def best_bias(decision: np.ndarray, y: np.ndarray) -> float:
    """The b with the least Σ max(0, 1 - y (decision + b)): the middle of them where there are many, as in libsvm.

    The slope of the sum in b is -n for n positive examples where b is low, and one more after each y - decision.
    """
    turns = np.sort(y - decision)
    positive = int(np.sum(y > 0))
    return float(turns[positive - 1] + turns[positive]) / 2


@dataclass(frozen=True)
class _Point:
    """Multipliers alpha [n] of the examples, their room below the bound, b of Σ y alpha = 0, `low`, `high` of bounds.

    The room is kept beside alpha, as a difference of the two would be lost to rounding.
    """

    alpha: np.ndarray
    room: np.ndarray
    b: float
    low: np.ndarray
    high: np.ndarray

    def plus(self, step: "_Point", far: float) -> "_Point":
        alpha, room, b = self.alpha + far * step.alpha, self.room + far * step.room, self.b + far * step.b
        return _Point(alpha, room, b, self.low + far * step.low, self.high + far * step.high)

    @property
    def gap(self) -> float:
        """How far the dual objective is from that of the machine."""
        return float(self.alpha @ self.low + self.room @ self.high)


@dataclass(frozen=True)
class _Problem:
    """The least ½|z'alpha|² - Σ alpha with Σ y alpha = 0 and alpha in its bounds; z [n, F] is features times y."""

    z: np.ndarray
    y: np.ndarray
    bound: float

    def solution(self) -> _Point:
        """The point with the least objective: steps end when its duality gap is nothing, or in rounding errors."""
        at = best = self._start()
        for _ in range(STEPS):
            w = self.z.T @ at.alpha
            best = at if self.objective(at) <= self.objective(best) else best
            # Beside |w|² and not the sum of slacks: where features vanish, that is all but constant.
            if not at.gap > PRECISION * (w @ w):
                break
            at = self._next(at)
        return best

    def objective(self, at: _Point) -> float:
        """That of the machine, ½|w|² + bound · Σ max(0, 1 - y (x·w + b)), for w = z'alpha."""
        w = self.z.T @ at.alpha
        return float(w @ w / 2 + self.bound * np.maximum(0, 1 - self.z @ w - at.b * self.y).sum())

    def _start(self) -> _Point:
        """A point that keeps all constraints, the best for w along the difference of the classes' means."""
        alpha = np.where(self.y > 0, 1 / np.sum(self.y > 0), 1 / np.sum(self.y < 0))
        means = self.z.T @ alpha
        alpha = alpha * min(2 / float(means @ means or 1.0), self.bound / 2 / float(alpha.max()))
        slope = self.z @ (self.z.T @ alpha) - 1
        return _Point(alpha, self.bound - alpha, 0.0, np.maximum(slope, 0) + 1, np.maximum(-slope, 0) + 1)

    def _next(self, at: _Point) -> _Point:
        """A Newton step towards complementarity, corrected for its curvature, that stays within the bounds."""
        none = np.zeros(len(self.y))
        foreseen = self._direction(at, none, none)
        left = at.plus(foreseen, _length(at, foreseen)).gap
        centre = (left / at.gap) ** 3 * at.gap / (2 * len(self.y))
        low, high = centre - foreseen.alpha * foreseen.low, centre - foreseen.room * foreseen.high
        step = self._direction(at, low, high)
        return at.plus(step, SHORT_OF_THE_BOUNDS * _length(at, step))

    def _direction(self, at: _Point, low: np.ndarray, high: np.ndarray) -> _Point:
        """Where the products of bounds and their multipliers would reach these values, were they linear."""
        diagonal = (at.low / at.alpha + at.high / at.room)[:, None]
        slope = self.z @ (self.z.T @ at.alpha) - 1 + at.b * self.y
        sides = np.stack([low / at.alpha - high / at.room - slope, self.y], axis=1) / diagonal
        inner = np.eye(self.z.shape[1]) + self.z.T @ (self.z / diagonal)
        solved = sides - (self.z / diagonal) @ np.linalg.solve(inner, self.z.T @ sides)
        b = float((self.y @ solved[:, 0] + self.y @ at.alpha) / (self.y @ solved[:, 1]))
        alpha = solved[:, 0] - b * solved[:, 1]
        return _Point(
            alpha, -alpha, b, (low - at.low * alpha) / at.alpha - at.low, (high + at.high * alpha) / at.room - at.high
        )


def _length(at: _Point, step: _Point) -> float:
    """How much of a step can be made, 1 at most, before something that must be positive is not."""
    value = np.concatenate([at.alpha, at.room, at.low, at.high])
    change = np.concatenate([step.alpha, step.room, step.low, step.high])
    return float(min(1.0, np.min(-value[change < 0] / change[change < 0], initial=1.0)))
