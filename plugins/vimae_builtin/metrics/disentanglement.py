"""Whether single latent dimensions stand for single factors of the images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl

BLOCKS = 5
LEAF = 5
"""The least number of images in a leaf of a tree."""
NAMES = ("mig", "dci disentanglement", "dci completeness", "dci informativeness", "sap")

Factors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Disentanglement(Metric):
    """How posterior means z [n, d] of `images` test images go with the known factors v of these, all in [0, 1].

    `mig`: the mutual information gap, (I(z_1; v) - I(z_2; v)) / H(v) of the two dimensions that tell most, a mean over
    factors; information is that of `bins` equal bins of a dimension's range, so that a factor of more values than there
    are bins gives log(bins) / H(v) at most.

    `dci disentanglement`, `dci completeness`: how far the importance of dimensions for factors is concentrated on one
    factor for each dimension, and on one dimension for each factor: 1 less an entropy, dimensions weighed by their
    importance. `dci informativeness`: the share of held-out images whose factor is predicted. Predictors are random
    forests of `trees` trees on half of the images, and importances those of their splits.

    `sap`: the balanced accuracy, on the other half, of the thresholds of a tree on the best dimension less that on the
    second best, a mean over factors.

    Factors that do not vary are left out; `mig`, `dci completeness` and `sap` need two dimensions, `dci
    disentanglement` two factors. The choice of images depends on the data set alone. Standard errors are those of the
    mean over five blocks of the images.
    """

    estimator: ClassVar[str] = (
        "plug-in information of 20 bins (mig), random forests (dci), thresholds of trees (sap), halves of the images"
    )
    bias: ClassVar[str] = (
        "mig: some thousandths upwards, of the order of bins * values / images; dci disentanglement and completeness: "
        "upwards where factors cannot be predicted, as chance importances are not equal"
    )
    source: ClassVar[str] = (
        "MIG: Chen et al., 1802.04942, and Locatello et al., 1811.12359 (bins); DCI: Eastwood and Williams, ICLR 2018; "
        "SAP: Kumar et al., 1711.00848"
    )

    images: Annotated[int, Ge(500)] = 10_000
    bins: Annotated[int, Ge(2)] = 20
    trees: Annotated[int, Ge(1)] = 10

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        if not splits.test.factors:
            raise ValueError(
                "disentanglement: no factors of the test images are known; dsprites and omniglot have them"
            )

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        return 5.0 + 0.4 * spec.latent

    def measures(self) -> tuple[Measure, ...]:
        return tuple(Measure(name, "", "higher") for name in NAMES)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        known = evaluation.examples("test").factors
        if not known:
            return {}
        z = evaluation.posterior("test").mean.double().cpu().numpy()
        random = np.random.Generator(np.random.Philox(key=derive_seed("disentanglement", evaluation.dataset)))
        chosen = random.permutation(len(z))[: self.images]
        factors = {name: values[chosen] for name, values in known.items()}
        found, blocks = self.compute_scores(z[chosen], factors), self.score_blocks(z[chosen], factors)
        return {name: Estimate(value, len(chosen), estimate_error(blocks, name)) for name, value in found.items()}

    def score_blocks(self, z: np.ndarray, factors: Factors) -> list[dict[str, float]]:
        parts = np.array_split(np.arange(len(z)), BLOCKS)
        return [
            self.compute_scores(z[part], {name: values[part] for name, values in factors.items()}) for part in parts
        ]

    def compute_scores(self, z: np.ndarray, factors: Factors) -> dict[str, float]:
        """The measures that are defined for codes z [n, d] in random order."""
        values = [np.unique(v, return_inverse=True)[1] for v in factors.values() if v.min() < v.max()]
        if not values:
            return {}
        importance, accuracy = fit_forests(z, values, self.trees)
        scores = {"dci informativeness": accuracy}
        if len(values) > 1:
            share = importance.sum(1) / (importance.sum() or 1.0)
            scores["dci disentanglement"] = float(share @ concentration(importance))
        if z.shape[1] > 1:
            scores["mig"] = compute_gap(information(z, values, self.bins) / [entropy(v) for v in values])
            scores["dci completeness"] = float(concentration(importance.T).mean())
            scores["sap"] = compute_gap(score_thresholds(z, values))
        return scores


def estimate_error(blocks: list[dict[str, float]], name: str) -> float | None:
    found = [block[name] for block in blocks if name in block]
    return float(np.std(found, ddof=1) / len(found) ** 0.5) if len(found) > 1 else None


def compute_gap(scores: np.ndarray) -> float:
    """The best less the second best of d dimensions, scores being [d, factors]: a mean over factors."""
    second, best = np.sort(scores, axis=0)[-2:]
    return float((best - second).mean())


def entropy(v: np.ndarray) -> float:
    """The entropy in nats of values 0, 1, ... [n] by their shares."""
    share = np.bincount(v) / len(v)
    return float(-(share * np.log(share, where=share > 0, out=np.zeros_like(share))).sum())


def information(z: np.ndarray, values: list[np.ndarray], bins: int) -> np.ndarray:
    """I(z_j; v_k) in nats [d, factors] of bins of equal width over the range of each dimension of z [n, d]."""
    low, high = z.min(0), z.max(0)
    width = np.where(high > low, (high - low) / bins, 1.0)
    binned = ((z - low) / width).astype(np.int64).clip(0, bins - 1)
    found = np.empty((z.shape[1], len(values)))
    for j, column in enumerate(binned.T):
        for k, v in enumerate(values):
            joint = column * (v.max() + 1) + v
            found[j, k] = entropy(column) + entropy(v) - entropy(joint)
    return found


def concentration(weights: np.ndarray) -> np.ndarray:
    """How far each row [a] of weights [a, b] lies on one column: 1 less its entropy over log b; 0 for zeros."""
    total = weights.sum(1, keepdims=True)
    share = np.divide(weights, total, where=total > 0, out=np.full_like(weights, 1 / weights.shape[1]))
    logs = np.log(share, where=share > 0, out=np.zeros_like(share))
    return 1 + (share * logs).sum(1) / np.log(weights.shape[1])


def fit_forests(z: np.ndarray, values: list[np.ndarray], trees: int) -> tuple[np.ndarray, float]:
    """Importance [d, factors] of dimensions for predicting factors, and the share of the second half predicted."""
    from sklearn.ensemble import RandomForestClassifier

    half, importance, right = len(z) // 2, [], []
    for v in values:
        # All dimensions are looked at in every split: if only some are, those that tell nothing have their turn.
        forest = RandomForestClassifier(trees, max_features=None, min_samples_leaf=LEAF, random_state=0)
        forest.fit(z[:half], v[:half])
        importance.append(forest.feature_importances_)
        right.append(np.mean(forest.predict(z[half:]) == v[half:]))
    return np.stack(importance, 1), float(np.mean(right))


def score_thresholds(z: np.ndarray, values: list[np.ndarray]) -> np.ndarray:
    """The balanced accuracy [d, factors] on the second half of a tree on each single dimension.

    A tree of twice as many leaves as there are values: thresholds on either side of each.
    """
    from sklearn.tree import DecisionTreeClassifier

    half, found = len(z) // 2, np.empty((z.shape[1], len(values)))
    for k, v in enumerate(values):
        for j, column in enumerate(z.T):
            leaves = 2 * (int(v.max()) + 1)
            tree = DecisionTreeClassifier(
                max_leaf_nodes=leaves, min_samples_leaf=LEAF, class_weight="balanced", random_state=0
            )
            predicted = tree.fit(column[:half, None], v[:half]).predict(column[half:, None])
            found[j, k] = balanced_accuracy(predicted == v[half:], v[half:])
    return found


def balanced_accuracy(right: np.ndarray, v: np.ndarray) -> float:
    """The share of right answers [n], a mean over the values v [n] that occur."""
    count = np.bincount(v)
    return float((np.bincount(v, weights=right)[count > 0] / count[count > 0]).mean())


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"disentanglement": Disentanglement}
