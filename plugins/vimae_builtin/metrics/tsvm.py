"""What a transductive support vector machine reads from the codes of clean and of damaged images."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, MinLen

from vimae_bench.data import Corruption
from vimae_bench.metrics import (
    FeatureReader,
    baseline_features,
    draw_stratified_subset,
    estimate_accuracy,
    latent_means,
    validate_labels,
)
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl

FIRST_COST = 1e-5
NEWTON_STEPS = 200
TIE = 1e-9
"""Decision values nearer than this are equal: two points that are would be switched for ever."""


@dataclass(frozen=True)
class Tsvm(Metric):
    """Accuracy in percent of a linear transductive support vector machine (Joachims, ICML 1999) on posterior means.

    One machine for each class against the rest is trained on the clean codes of `labels` training images, the same as
    those of `svm`, and on `unlabelled` others without their labels, so as to minimise ½|w|² + `c` Σ ξ² over the
    labelled + `c_unlabelled` Σ ξ² over the others, ξ = max(0, 1 - y (w·z + b)), over w, b and the labels y of the
    others, of which as large a share is positive as of the labelled. The squared hinge, and the switching of many
    pairs of labels at once, are those of Sindhwani and Keerthi (SIGIR 2006). The class of a test image, which is none
    of the others, is that of the machine with the largest w·z + b. Label and noise draws, and what standard errors
    cover, are as in `svm`; other draws of the unlabelled images are covered too.

    Raises ValueError for a condition there is none of, BenchError where a class has too few training images.
    """

    conditions: Annotated[tuple[str, ...], MinLen(1)] = ("clean", "gauss_0.2", "gauss_0.4", "mask_0.2", "mask_0.5")
    labels: Annotated[int, Ge(2)] = 1000
    unlabelled: Annotated[int, Ge(1)] = 5000
    label_draws: Annotated[int, Ge(1)] = 3
    noise_draws: Annotated[int, Ge(1)] = 5
    c: Annotated[float, Gt(0)] = 1.0
    c_unlabelled: Annotated[float, Gt(0)] = 0.1

    estimator: ClassVar[str] = "share of test images read rightly, a mean over draws of the labelled images"
    bias: ClassVar[str] = (
        "labels of the unlabelled are a local optimum, and as many are positive as the balanced labels say, "
        "which is not the share of the class"
    )
    source: ClassVar[str] = (
        "Joachims, ICML 1999; loss and multiple switching of Sindhwani and Keerthi, SIGIR 2006; M1 + TSVM of 1406.5298"
    )
    use_for: ClassVar[str] = "as `svm_linear`, where unlabelled codes help, as in M1 + TSVM"

    def __post_init__(self) -> None:
        for name in self.conditions:
            Corruption.parse(name)

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        validate_labels(splits, self.labels)
        classes = len(np.unique(np.asarray(splits.train.y)))
        if self.labels // classes * classes == (n := len(splits.train)):
            fit = f"labels = {n - classes} would fit" if n > classes else "data with more of them would fit"
            raise ValueError(f"labels = {self.labels} leaves none of {n} training images unlabelled: {fit}")

    def cost(self, spec: ModelSpec, device: str) -> float:
        """Of ten classes, 10,000 test images and a convolutional net of width 64, which takes 0.6 s to encode them."""
        fits = self.label_draws * (0.5 + 0.04 * spec.latent) * (self.labels + self.unlabelled) / 6000
        encodings = min(self.noise_draws, self.label_draws) * len(self.conditions)
        return fits + (0.6 if device == "cpu" else 0.2) * encodings * spec.input_size / 784

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(
                f"tsvm {name}",
                "%",
                "higher",
                margin=1.0,
                family="tsvm",
                condition=name,
                topic="Representation" if name == "clean" else "Robustness",
                display_name=f"TSVM accuracy ({Corruption.parse(name).title})",
                description=(f"Accuracy of a transductive SVM on codes of {Corruption.parse(name).description}."),
            )
            for name in self.conditions
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        return self._measure(latent_means(evaluation), evaluation.splits, evaluation.dataset)

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:
        """The same on pixels, and on as many principal components of the training images as there are latents."""
        if splits.train.y is None:
            return {}
        return {
            row: self._measure(codes, splits, dataset)
            for row, codes in baseline_features(splits, spec, dataset).items()
        }

    def _measure(self, codes: FeatureReader, splits: Splits, dataset: str) -> dict[str, Estimate]:
        """The accuracy under each condition."""
        y, truth = splits.train.y, splits.test.y
        if y is None or truth is None:
            return {}
        classes = np.unique(y)
        machines = [self._fit_machines(codes, y, dataset, draw) for draw in range(self.label_draws)]

        def right(name: str) -> np.ndarray:
            seen = (codes("test", name, draw % self.noise_draws) for draw in range(self.label_draws))
            return np.stack(
                [classes[(_append_bias(z) @ w).argmax(1)] == truth for z, w in zip(seen, machines, strict=True)]
            )

        return {f"tsvm {name}": estimate_accuracy(right(name)) for name in self.conditions}

    def _fit_machines(self, codes: FeatureReader, y: np.ndarray, dataset: str, draw: int) -> np.ndarray:
        """Weights and, as the last entry, bias of the machine of each class [F + 1, classes]."""
        labelled = draw_stratified_subset(y, self.labels, dataset, draw)
        others = draw_unlabelled(len(y), labelled, self.unlabelled, dataset, draw)
        z, pool = codes("train", places=labelled), codes("train", places=others)
        costs = self.c, self.c_unlabelled
        signs = (np.where(y[labelled] == name, 1.0, -1.0) for name in np.unique(y))
        return np.stack([fit_transductive(z, sign, pool, *costs) for sign in signs], axis=1)


def draw_unlabelled(n: int, labelled: np.ndarray, count: int, dataset: str, draw: int) -> np.ndarray:
    """The places of `count` of n images that are not labelled, or of all of these where there are fewer, ascending."""
    rng = np.random.Generator(np.random.Philox(key=derive_seed("unlabelled", dataset, draw)))
    others = np.setdiff1d(np.arange(n), labelled)
    return np.sort(rng.choice(others, min(count, len(others)), replace=False))


def fit_transductive(z: np.ndarray, y: np.ndarray, pool: np.ndarray, c: float, c_pool: float) -> np.ndarray:
    """Weights and bias [F + 1] for codes z [n, F] of labels y in {-1, 1} [n] and a pool [m, F] without labels.

    The machine of the labelled codes alone gives the pool its first labels. Their cost then doubles from 1e-5 to
    `c_pool`; at each cost labels are switched until no pair is left whose switching would lower the objective.
    The pool is sorted first, so that its order cannot matter.
    """
    x = _append_bias(np.concatenate([z, pool[np.lexsort(pool.T)]]))
    w = minimize_objective(x[: len(z)], y, np.full(len(z), c), np.zeros(x.shape[1]))
    positive = int(np.mean(y > 0) * len(pool) + 0.5)
    labels = np.concatenate([y, -np.ones(len(pool))])
    labels[len(z) + np.argsort(-x[len(z) :] @ w, kind="stable")[:positive]] = 1.0
    for cost in _double_costs(c_pool):
        costs = np.repeat([c, cost], [len(z), len(pool)])
        w = minimize_objective(x, labels, costs, w)
        while switch_labels(labels[len(z) :], x[len(z) :] @ w):
            w = minimize_objective(x, labels, costs, w)
    return w


def switch_labels(labels: np.ndarray, decision: np.ndarray) -> bool:
    """Switch, in place, labels in {-1, 1} [m] of pairs of opposite ones, given w·z + b [m]; whether there were any.

    A pair is switched if both slacks are positive and their sum is above 2. For one w each such switch lowers the sum
    of any loss that grows with the slack, so that all may be made at once; as many labels stay positive.
    """
    ups, downs = np.flatnonzero(labels > 0), np.flatnonzero(labels < 0)
    ups = ups[np.argsort(decision[ups], kind="stable")]
    downs = downs[np.argsort(-decision[downs], kind="stable")]
    pairs = min(len(ups), len(downs))
    up, down = decision[ups[:pairs]], decision[downs[:pairs]]
    # Both orders have the largest slacks first, so what is to be switched is a beginning of them.
    count = int(np.sum((up < 1) & (down > -1) & (down - up > TIE)))
    labels[ups[:count]], labels[downs[:count]] = -1.0, 1.0
    return count > 0


def minimize_objective(x: np.ndarray, y: np.ndarray, costs: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The w [F + 1] of least `compute_objective`, by Newton's method (Keerthi and DeCoste, JMLR 6, 2005)."""
    w, value, inside = start, compute_objective(start, x, y, costs), y * (x @ start) < 1
    for _ in range(NEWTON_STEPS):
        step, scale = _solve_ridge(x[inside], y[inside], costs[inside]) - w, 1.0
        while (found := compute_objective(w + scale * step, x, y, costs)) >= value and scale > TIE:
            scale /= 2
        if found >= value:
            return w
        w, value, before = w + scale * step, found, inside
        inside = y * (x @ w) < 1
        if scale == 1 and np.array_equal(inside, before):
            return w
    return w


def compute_objective(w: np.ndarray, x: np.ndarray, y: np.ndarray, costs: np.ndarray) -> float:
    """½|w|² + Σ costs · max(0, 1 - y x·w)², the last entry of w being the bias, which is free."""
    slack = np.maximum(0, 1 - y * (x @ w))
    return float(w[:-1] @ w[:-1] / 2 + costs @ slack**2)


def _solve_ridge(x: np.ndarray, y: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The w with the least objective if exactly these points had a positive slack: a ridge regression."""
    weighted = 2 * costs[:, None] * x
    curvature = x.T @ weighted + np.diag([*np.ones(x.shape[1] - 1), 1e-12])
    return np.linalg.solve(curvature, weighted.T @ y)


def _append_bias(z: np.ndarray) -> np.ndarray:
    return np.concatenate([z, np.ones((len(z), 1))], axis=1)


def _double_costs(last: float) -> Iterator[float]:
    cost = FIRST_COST
    while cost < last:
        yield cost
        cost *= 2
    yield last


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"tsvm": Tsvm}
