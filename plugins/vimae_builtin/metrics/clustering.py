"""Whether codes form clusters, and whether these are the classes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from vimae_bench.data import choose_places
from vimae_bench.metrics import FeatureReader, baseline_features, latent_means, require_labels
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl

STARTS = 10


@dataclass(frozen=True)
class Clustering(Metric):
    """How well clusters of posterior means go with the labels of `images` random test images.

    `cluster nmi`: the mutual information of labels and clusters, divided by the mean of their entropies, from 0 to 1.
    The clusters are those of k-means, as many as there are classes, the best of 10 starts.

    `silhouette`: for each image (b - a) / max(a, b), a being the mean distance to the codes of its class and b that to
    those of the nearest other class; a mean over images, from -1 to 1. It needs no clusters: it tells how far apart the
    classes themselves are.

    Distances are Euclidean, in the scale of the codes. The images are the same for all methods and runs on a data set.
    There is no standard error: the values of the images depend on each other.
    """

    estimator: ClassVar[str] = "scikit-learn's KMeans, normalized_mutual_info_score and silhouette_score"
    bias: ClassVar[str] = "cluster nmi: upwards by chance, of the order of classes^2 / images"
    source: ClassVar[str] = (
        "Strehl and Ghosh, JMLR 3, 2002 (normalised mutual information); Rousseeuw, J. Comput. Appl. Math. 20, 1987"
    )
    use_for: ClassVar[str] = "whether codes form clusters by class without any label"

    images: Annotated[int, Ge(100)] = 2000

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        y, chosen = require_labels(splits.test, "test"), min(self.images, len(splits.test))
        if (classes := len(np.unique(y))) < 2:
            raise ValueError(f"clustering: all test images are of class {y[0]}; it takes two classes or more")
        if chosen <= classes:
            raise ValueError(
                f"clustering: {chosen} test images of {classes} classes; it takes more images than classes"
            )

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        return 5.0

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "cluster nmi",
                "",
                "higher",
                topic="Representation",
                display_name="Cluster NMI",
                description="Normalised mutual information of labels and k-means clusters of codes, from 0 to 1.",
            ),
            Measure(
                "silhouette",
                "",
                "higher",
                topic="Representation",
                display_name="Silhouette",
                description="How much nearer codes are to those of their own class than of the next, from -1 to 1.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        return self._measure(latent_means(evaluation), evaluation.splits, evaluation.dataset, evaluation.seed)

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:
        """The same of pixels, and of as many principal components of the training images as there are latents."""
        if splits.test.y is None:
            return {}
        rows = baseline_features(splits, spec, dataset)
        return {row: self._measure(codes, splits, dataset, 0) for row, codes in rows.items()}

    def _measure(self, codes: FeatureReader, splits: Splits, dataset: str, seed: int) -> dict[str, Estimate]:
        from sklearn.metrics import normalized_mutual_info_score, silhouette_score

        if splits.test.y is None:
            return {}
        places = np.sort(choose_places(len(splits.test), self.images, "clustering", dataset))
        z, y = codes("test", places=places), np.asarray(splits.test.y)[places]
        clusters = find_clusters(z, len(np.unique(y)), derive_seed(seed, "clustering") % 2**32)
        found = {"cluster nmi": normalized_mutual_info_score(y, clusters), "silhouette": silhouette_score(z, y)}
        return {name: Estimate(float(value), len(y)) for name, value in found.items()}


def find_clusters(z: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The k-means cluster of each of codes z [n, d], int [n]; fewer clusters where there are fewer different codes."""
    from sklearn.cluster import KMeans

    different = len(np.unique(z, axis=0))
    return KMeans(min(count, different), n_init=STARTS, random_state=seed).fit_predict(z)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"clustering": Clustering}
