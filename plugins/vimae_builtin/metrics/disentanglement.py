"""Whether single latent dimensions stand for single factors of the images."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl

BLOCKS = 5
LEAF = 5
"""The least number of images in a leaf of a tree."""
MIN_IMAGES = 500
ERRORS_FROM_BLOCKS = ("mig", "dci forest disentanglement", "dci forest completeness")
PARTS = {
    "disentanglement": "How far each latent dimension tells of a single factor, from 0 to 1",
    "completeness": "How far each factor is told by a single latent dimension, from 0 to 1",
    "informativeness": "Share of held-out images whose factor is predicted from the code",
}
"""Of DCI, with what they say."""
TITLES = {
    "mig": ("MIG", "Mutual information gap of the two dimensions that tell most of a factor, from 0 to 1."),
    **{f"dci forest {part}": (f"DCI {part} (forest)", f"{text}, by random forests.") for part, text in PARTS.items()},
    "sap": ("SAP", "Gap in accuracy of the two dimensions that predict a factor best, from 0 to 1."),
}
NAMES = tuple(TITLES)
SMALLEST_IMPORTANCE = 1e-11
"""What disentanglement_lib adds to importances, so that none is 0."""

Factors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Disentanglement(Metric):
    """How posterior means z [n, d] of `images` test images go with the known factors v of these, all in [0, 1].

    `mig`: the mutual information gap, (I(z_1; v) - I(z_2; v)) / H(v) of the two dimensions that tell most, a mean over
    factors; information is that of `bins` equal bins of a dimension's range, so that a factor of more values than there
    are bins gives log(bins) / H(v) at most.

    `dci forest disentanglement`, `dci forest completeness`: how far the importance of dimensions for factors is
    concentrated on one factor for each dimension, and on one dimension for each factor: 1 less an entropy, dimensions
    weighed by their importance. `dci forest informativeness`: the share of held-out images whose factor is predicted.
    Predictors are random forests of `trees` trees on half of the images, and importances those of their splits: deep
    trees also split at chance, so that values are far below those of gradient boosting, which most papers have; see
    `dci_boosting`.

    `sap`: the balanced accuracy, on the other half, of the thresholds of a tree on the best dimension less that on the
    second best, a mean over factors.

    Factors that do not vary are left out; `mig`, `dci forest completeness` and `sap` need two dimensions, `dci forest
    disentanglement` two factors. The choice of images depends on the data set alone.

    Standard errors cover other images, for one model: in that of informativeness the held-out images; in the others,
    which are those of a mean over five blocks of images, all of them. `sap` has none.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = ("DCI is called `dci forest`; other standard errors",)

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
    use_for: ClassVar[str] = "data sets with known factors: which latents follow which factor"

    images: Annotated[int, Ge(MIN_IMAGES)] = 10_000
    bins: Annotated[int, Ge(2)] = 20
    trees: Annotated[int, Ge(1)] = 10

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        require_factors(splits)

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        return 5.0 + 0.4 * spec.latent

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(name, "", "higher", topic="Representation", display_name=title, description=text)
            for name, (title, text) in TITLES.items()
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        known = evaluation.examples("test").factors
        if not known:
            return {}
        z, factors = draw_codes(evaluation, known, self.images)
        return self.estimate_scores(z, factors)

    def estimate_scores(self, z: np.ndarray, factors: Factors) -> dict[str, Estimate]:
        """The measures that are defined for codes z [n, d] in random order."""
        values = list_varying(factors.values())
        if not values:
            return {}
        importance, right = fit_forests(z, values, self.trees)
        scores, blocks = self.compute_scores(z, values, importance), self._score_blocks(z, values)
        errors = {name: estimate_error([one[name] for one in blocks if name in one]) for name in ERRORS_FROM_BLOCKS}
        found = {name: Estimate(value, len(z), errors.get(name)) for name, value in scores.items()}
        shares = right.mean(1)
        informativeness = Estimate(float(shares.mean()), len(shares), float(shares.std(ddof=1) / len(shares) ** 0.5))
        return {**found, "dci forest informativeness": informativeness}

    def _score_blocks(self, z: np.ndarray, values: list[np.ndarray]) -> list[dict[str, float]]:
        parts = np.array_split(np.arange(len(z)), BLOCKS)
        blocks = [(z[part], list_varying(v[part] for v in values)) for part in parts]
        return [self.compute_scores(x, v, fit_forests(x, v, self.trees)[0]) for x, v in blocks if v]

    def compute_scores(self, z: np.ndarray, values: list[np.ndarray], importance: np.ndarray) -> dict[str, float]:
        """All but informativeness, as far as they are defined."""
        scores = dict[str, float]()
        if len(values) > 1:
            share = importance.sum(1) / (importance.sum() or 1.0)
            scores["dci forest disentanglement"] = float(share @ concentration(importance))
        if z.shape[1] > 1:
            scores["mig"] = compute_gap(information(z, values, self.bins) / [entropy(v) for v in values])
            scores["dci forest completeness"] = float(concentration(importance.T).mean())
            scores["sap"] = compute_gap(score_thresholds(z, values))
        return scores


@dataclass(frozen=True)
class DciBoosting(Metric):
    """DCI of posterior means, by gradient boosting as in disentanglement_lib, whose values are those of most papers.

    A GradientBoostingClassifier of scikit-learn with default settings predicts each factor from the codes of `train`
    test images. The importances of its splits make a matrix of dimensions and factors; `dci boosting disentanglement`
    is 1 less the entropy of a dimension's importances over factors, a mean over dimensions weighed by their importance,
    and `dci boosting completeness` likewise with dimensions and factors exchanged. `dci boosting informativeness` is
    the share of `test` other test images whose factor is predicted, a mean over factors. All are in [0, 1].

    The choice of images depends on the data set alone; where there are fewer, they are shared out in this proportion.
    Factors that do not vary are left out, and so is what needs two factors or two dimensions where there is one. There
    are no standard errors: refitting on other images takes as long again. A factor of k values takes 100 k trees.
    """

    estimator: ClassVar[str] = "gradient boosting of 100 trees for each value of a factor, held-out images"
    bias: ClassVar[str] = "disentanglement and completeness: upwards where factors cannot be predicted"
    source: ClassVar[str] = (
        "Eastwood and Williams, ICLR 2018; Locatello et al., 1811.12359, and `evaluation/metrics/dci.py` of "
        "disentanglement_lib"
    )
    use_for: ClassVar[str] = "as `disentanglement`, to compare with published values of DCI"
    slow: ClassVar[bool] = True

    train: Annotated[int, Ge(100)] = 10_000
    test: Annotated[int, Ge(50)] = 5_000

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        require_factors(splits)

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        """Of the 113 values that the factors of dSprites have."""
        return 113 * 100 * 0.003 * spec.latent * self.train / 10_000

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(
                f"dci boosting {part}",
                "",
                "higher",
                topic="Representation",
                display_name=f"DCI {part} (boosting)",
                description=f"{text}, by gradient boosting.",
            )
            for part, text in PARTS.items()
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        known = evaluation.examples("test").factors
        if not known:
            return {}
        z, factors = draw_codes(evaluation, known, self.train + self.test)
        train = len(z) * self.train // (self.train + self.test)
        values = [v for v in factors.values() if v[:train].min() < v[:train].max()]
        if not values:
            return {}
        importance, accuracy = fit_boosting(z, values, train)
        found = {"informativeness": Estimate(accuracy, len(z) - train)}
        if len(values) > 1:
            found["disentanglement"] = Estimate(compute_weighted_concentration(importance), train)
        if z.shape[1] > 1:
            found["completeness"] = Estimate(compute_weighted_concentration(importance.T), train)
        return {f"dci boosting {part}": estimate for part, estimate in found.items()}


def require_factors(splits: Splits) -> None:
    """Raises ValueError, with what would fit, for test images without factors that can be predicted."""
    if not splits.test.factors:
        raise ValueError("no factors of the test images are known; blobs, dsprites and omniglot have them")
    if len(splits.test) < MIN_IMAGES:
        raise ValueError(f"there are too few test images, {len(splits.test)}; {MIN_IMAGES} or more would fit")
    counts = {name: len(np.unique(values)) for name, values in splits.test.factors.items()}
    if max(counts.values()) < 2:
        raise ValueError(
            "every factor of the test images has the same value in all of them; data whose factors vary fit"
        )
    for name, count in counts.items():
        if count > len(splits.test) / 2:
            raise ValueError(
                f"the factor '{name}' has {count} values in {len(splits.test)} test images, too many to be predicted "
                "from other images; leave it out of the data"
            )


def draw_codes(evaluation: Evaluation, known: Factors, count: int) -> tuple[np.ndarray, Factors]:
    """Posterior means [n, d] of `count` test images in random order, or of all there are, and their factors."""
    z = evaluation.posterior("test").mean.double().cpu().numpy()
    random = np.random.Generator(np.random.Philox(key=derive_seed("disentanglement", evaluation.dataset)))
    chosen = random.permutation(len(z))[:count]
    return z[chosen], {name: values[chosen] for name, values in known.items()}


def fit_boosting(z: np.ndarray, values: list[np.ndarray], train: int) -> tuple[np.ndarray, float]:
    """Importance [d, factors] of dimensions in the first `train` codes, and the share of the others predicted."""
    from sklearn.ensemble import GradientBoostingClassifier

    importance, right = [], []
    for v in values:
        model = GradientBoostingClassifier(random_state=0).fit(z[:train], v[:train])
        importance.append(np.abs(model.feature_importances_))
        right.append(np.mean(model.predict(z[train:]) == v[train:]))
    return np.stack(importance, 1), float(np.mean(right))


def compute_weighted_concentration(importance: np.ndarray) -> float:
    """How far the rows of [a, b] lie on one column, a mean weighed by their sums, as disentanglement_lib has it."""
    weights = importance.sum(1) if importance.sum() else np.ones(len(importance))
    return float(weights @ concentration(importance + SMALLEST_IMPORTANCE) / weights.sum())


def list_varying(factors: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Those of the factors that vary, their values as 0, 1, ... [n]."""
    return [np.unique(v, return_inverse=True)[1] for v in factors if v.min() < v.max()]


def estimate_error(blocks: list[float]) -> float | None:
    """The standard error of a mean of the scores of equal blocks of images; None for fewer than two."""
    return float(np.std(blocks, ddof=1) / len(blocks) ** 0.5) if len(blocks) > 1 else None


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


def fit_forests(z: np.ndarray, values: list[np.ndarray], trees: int) -> tuple[np.ndarray, np.ndarray]:
    """Importance [d, factors] of dimensions for predicting factors, and which of the second half are predicted.

    The latter is bool [n/2, factors].
    """
    from sklearn.ensemble import RandomForestClassifier

    half, importance, right = len(z) // 2, [], []
    for v in values:
        # All dimensions are looked at in every split: if only some are, those that tell nothing have their turn.
        forest = RandomForestClassifier(trees, max_features=None, min_samples_leaf=LEAF, random_state=0)
        forest.fit(z[:half], v[:half])
        importance.append(forest.feature_importances_)
        right.append(forest.predict(z[half:]) == v[half:])
    return np.stack(importance, 1), np.stack(right, 1)


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
    return {"disentanglement": Disentanglement, "dci_boosting": DciBoosting}
