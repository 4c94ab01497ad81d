"""What classifiers read of images, which images they are trained on, and how often they are right.

All of it depends on the data set and never on the model, so that all methods and runs meet the same labels and noise.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from ..core.errors import BenchError
from ..core.results import Estimate
from ..core.seeds import derive_seed
from ..data.corruptions import apply_corruption
from ..data.types import Examples, Splits
from ..functional.estimates import estimate_crossed_mean
from ..models.model_spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.svm import SVC

    from ..models.posteriors import Posterior
    from ..plugin.evaluation import Evaluation, SplitName

MIN_IMAGES = 4
"""The fewest test images for a standard error of an accuracy."""

FeatureFunction = Callable[[Iterator[Tensor]], np.ndarray]
"""Chunks of images [B, C, H, W] in [0, 1] units to features float64 [n, F]."""


class FeatureReader(Protocol):
    """Features float64 [n, F] of the images of a part, or of those at `places`, under the corruption of this name.

    `noise` is the number of the noise draw; see `apply_corruption`.
    """

    def __call__(
        self, part: "SplitName", name: str = "clean", noise: int = 0, places: np.ndarray | None = None
    ) -> np.ndarray: ...


def latent_means(evaluation: "Evaluation") -> FeatureReader:
    """Posterior means, encoded once for all metrics of an evaluation."""
    return partial(_read_codes, evaluation, lambda q: q.mean)


def latent_samples(evaluation: "Evaluation") -> FeatureReader:
    """One draw of the posterior for each image, a new one at every call, from the global generators."""
    return partial(_read_codes, evaluation, lambda q: q.rsample())


def baseline_features(splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, FeatureReader]:
    """What needs no training, by row label: pixels in [0, 1] units, and the first d principal components of them.

    The components are those of the training images, as many as the spec has latents; left out where there are fewer.
    """
    rows: dict[str, FeatureFunction] = {"raw pixels": _flatten_pixels}
    if spec.latent <= min(spec.input_size, len(splits.train)):
        rows[f"PCA-{spec.latent}"] = _fit_principal_components(splits.train, spec.latent)
    return {row: partial(_read_features, splits, dataset, encode) for row, encode in rows.items()}


def draw_stratified_subset(y: np.ndarray, labels: int, dataset: str, draw: int) -> np.ndarray:
    """The places of `labels` of the images with classes y [N], as many of every class, in ascending order.

    The same for every draw of this number on this data set. Raises BenchError where a class has too few images.
    """
    rng = np.random.Generator(np.random.Philox(key=derive_seed("labels", dataset, draw)))
    classes, held = np.unique(y, return_counts=True)
    each = labels // len(classes)
    if not 1 <= each <= held.min():
        least = f"class {classes[held.argmin()]} has {held.min()}"
        sizes = f"{len(classes)} to {len(classes) * held.min()}" if held.min() > 1 else f"{len(classes)}"
        fit = f"labels = {sizes} would fit"
        raise BenchError(f"labels = {labels} takes {each} training images of each class, but {least}: {fit}")
    return np.sort(np.concatenate([rng.choice(np.flatnonzero(y == name), each, replace=False) for name in classes]))


def require_labels(examples: Examples, part: str) -> np.ndarray:
    """The labels int64 [N] of the images of a part, such as "test". Raises ValueError where some image has none.

    Negative labels are refused as well: they mark images without a label, and would be taken for a class.
    """
    if examples.y is None:
        raise ValueError(f"the {part} images have no labels; digits, mnist and fashion_mnist have them")
    if unlabelled := int((examples.y < 0).sum()):
        raise ValueError(
            f"{unlabelled} of {len(examples)} {part} images have negative labels, which mark images without a label; "
            "leave these images out, or number the classes from 0"
        )
    return examples.y


def validate_labels(splits: Splits, labels: int) -> None:
    """Raises ValueError, with what would fit, where no classifier of test images can be trained on `labels` images."""
    y, test_y = require_labels(splits.train, "training"), require_labels(splits.test, "test")
    if len(classes := np.unique(y)) < 2:
        raise ValueError(f"all training images are of class {classes[0]}; data of two classes or more would fit")
    try:
        draw_stratified_subset(y, labels, "", 0)
    except BenchError as error:
        raise ValueError(str(error)) from error
    if unknown := set(test_y.tolist()) - set(y.tolist()):
        example = f"class {min(unknown)} of the test images"
        raise ValueError(f"no training image shows {example}; data whose two parts share their classes would fit")


def fit_rbf_svm(codes: np.ndarray, y: np.ndarray, cost: float = 1.0) -> "SVC":
    """SVC(C=cost, kernel="rbf", gamma="scale") fitted to codes float64 [n, F] and labels [n].

    As a function its kernel is one matrix product, on pixels six times as fast as one value at a time.
    """
    from sklearn.svm import SVC

    return SVC(C=cost, kernel=_make_kernel(codes)).fit(codes, y)  # pyright: ignore[reportArgumentType]


def choose_rbf_cost(codes: np.ndarray, y: np.ndarray, costs: Sequence[float], folds: int, seed: int) -> float:
    """The C for `fit_rbf_svm` of the best accuracy in cross-validation on these labels; the least of several.

    The folds have as equal shares of every class as can be, and depend on y and the seed alone. Each fold is predicted
    by the machine of the others, with the kernel of all codes.
    """
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import SVC

    kernel = _make_kernel(codes)(codes, codes)
    splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32).split(kernel, y))

    def count_right(cost: float) -> int:
        machines = (SVC(C=cost, kernel="precomputed").fit(kernel[np.ix_(rest, rest)], y[rest]) for rest, _ in splits)
        predicted = (
            machine.predict(kernel[np.ix_(fold, rest)]) for machine, (rest, fold) in zip(machines, splits, strict=True)
        )
        return sum(int(np.sum(found == y[fold])) for found, (_, fold) in zip(predicted, splits, strict=True))

    return max(sorted(costs), key=count_right)


def estimate_accuracy(right: np.ndarray) -> Estimate:
    """In percent, of which test images the classifier of each label draw gets right: bool [draws, n].

    The standard error covers other test images and other draws of labels and noise, for one model (see
    `estimate_crossed_mean`). It is None for one draw or fewer than four images, with which it would be a third too
    large. `per_draw` are the accuracies of the draws.
    """
    found = estimate_crossed_mean(100 * torch.from_numpy(right).double())
    return found if right.shape[1] >= MIN_IMAGES else replace(found, se=None)


def _make_kernel(codes: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The kernel of gamma="scale" for the codes of labelled images."""
    from sklearn.metrics.pairwise import rbf_kernel

    return partial(rbf_kernel, gamma=1 / (codes.shape[1] * (codes.var() or 1.0)))


def _read_codes(
    evaluation: "Evaluation",
    read: "Callable[[Posterior], Tensor]",
    part: "SplitName",
    name: str = "clean",
    noise: int = 0,
    places: np.ndarray | None = None,
) -> np.ndarray:
    return read(evaluation.corrupted_posterior(part, name, noise, places)).double().cpu().numpy()


def _read_features(
    splits: Splits,
    dataset: str,
    encode: FeatureFunction,
    part: "SplitName",
    name: str = "clean",
    noise: int = 0,
    places: np.ndarray | None = None,
) -> np.ndarray:
    x = getattr(splits, part).x
    return encode(apply_corruption(x if places is None else x[places], name, dataset, part, noise))


def _fit_principal_components(train: Examples, count: int) -> FeatureFunction:
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # shares of a variance of 0, which are not used, of images that are all equal
        pca = PCA(count, random_state=0).fit(_flatten_images(apply_corruption(train.x, "clean")))

    def encode(chunks: Iterator[Tensor]) -> np.ndarray:
        return pca.transform(_flatten_images(chunks)).astype(np.float64)

    return encode


def _flatten_pixels(chunks: Iterator[Tensor]) -> np.ndarray:
    return _flatten_images(chunks).astype(np.float64)


def _flatten_images(chunks: Iterator[Tensor]) -> np.ndarray:
    return np.concatenate([x.flatten(1).numpy() for x in chunks])
