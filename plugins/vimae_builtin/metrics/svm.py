"""What a support vector machine reads from the codes of clean and of damaged images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, MinLen
from torch import Tensor

from vimae_bench import (
    BenchError,
    Corruption,
    Estimate,
    Examples,
    Frame,
    Measure,
    Metric,
    PointPosterior,
    Splits,
    Trial,
    corrupted,
    derive,
    hookimpl,
)

if TYPE_CHECKING:
    from sklearn.svm import SVC

Encode = Callable[[Iterator[Tensor]], np.ndarray]
"""Chunks of images [B, C, H, W] in [0, 1] units to features float64 [N, F]."""


@dataclass(frozen=True)
class Svm(Metric):
    """Accuracy in percent of an RBF support vector machine on posterior means, the M1 + SVM of 1406.5298.

    scikit-learn's SVC(C=1, gamma="scale") is fitted to the clean codes of `labels` training images, the same number of
    every class, and tested on the whole test split, under each of the `conditions` (see `Corruption`). Values are
    means over `label_draws` draws of the labelled images; draw i meets noise draw i modulo `noise_draws`. Labels and
    noise depend on the data set alone, so that all methods and runs meet the same. `svm sampled` fits and tests on
    draws of the posterior, clean; it is left out where the encoder is deterministic. Nothing is measured on a data set
    without labels.

    Standard errors add two variances: of a test image's share of correct draws, over the n images, divided by n; and
    of a draw's accuracy, over the draws, divided by their number.

    Raises ValueError for a condition there is none of, BenchError where a class has too few training images.
    """

    conditions: Annotated[tuple[str, ...], MinLen(1)] = ("clean", "gauss_0.2", "gauss_0.4", "mask_0.2", "mask_0.5")
    labels: Annotated[int, Ge(2)] = 1000
    label_draws: Annotated[int, Ge(1)] = 10
    noise_draws: Annotated[int, Ge(1)] = 5

    def __post_init__(self) -> None:
        for name in self.conditions:
            Corruption.named(name)

    def measures(self) -> tuple[Measure, ...]:
        return tuple(Measure(f"svm {name}", "%", "higher") for name in (*self.conditions, "sampled"))

    def __call__(self, trial: Trial) -> Mapping[str, Estimate]:
        def mean(chunks: Iterator[Tensor]) -> np.ndarray:
            return _features(trial.posterior_of(x.to(trial.device) for x in chunks).mean)

        def draw(chunks: Iterator[Tensor]) -> np.ndarray:
            return _features(trial.posterior_of(x.to(trial.device) for x in chunks).rsample())

        splits, dataset = trial.splits, trial.dataset
        clean = _features(trial.posterior("test").mean)
        estimates = self._read(splits, dataset, mean, self.conditions, clean)
        if estimates and not isinstance(trial.posterior("test"), PointPosterior):
            sampled = trial.randomly(lambda: self._read(splits, dataset, draw, ("clean",)), "svm sampled")
            estimates["svm sampled"] = sampled["svm clean"]
        return estimates

    def references(self, splits: Splits, frame: Frame, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:
        """The same on pixels, and on as many principal components of the training images as there are latents."""
        if splits.train.y is None:
            return {}
        rows: dict[str, Encode] = {"raw pixels": _pixels}
        if frame.latent <= frame.pixels:
            rows[f"PCA-{frame.latent}"] = _principal_components(splits.train, frame.latent)
        return {
            row: self._read(splits, dataset, encode, self.conditions, encode(corrupted(splits.test.x, "clean")))
            for row, encode in rows.items()
        }

    def _read(
        self,
        splits: Splits,
        dataset: str,
        encode: Encode,
        conditions: Sequence[str],
        clean: np.ndarray | None = None,
    ) -> dict[str, Estimate]:
        """The accuracy under each condition; `clean` are the features of the clean test images where they are fixed."""
        train, test = splits.train, splits.test
        if train.y is None or test.y is None:
            return {}
        choices = [choose(train.y, self.labels, dataset, draw) for draw in range(self.label_draws)]
        machines = [fit(encode(corrupted(train.x[choice], "clean")), train.y[choice]) for choice in choices]

        def right(name: str) -> np.ndarray:
            def codes(noise: int) -> np.ndarray:
                if name == "clean" and clean is not None:
                    return clean
                return encode(corrupted(test.x, name, dataset, "test", noise))

            return predictions(machines, codes, self.noise_draws) == test.y

        return {f"svm {name}": accuracy(right(name)) for name in conditions}


def choose(y: np.ndarray, labels: int, dataset: str, draw: int) -> np.ndarray:
    """The places of `labels` of the images with classes y [N], as many of every class, in ascending order.

    The same for every draw of this number on this data set. Raises BenchError where a class has too few images.
    """
    rng = np.random.Generator(np.random.Philox(key=derive("labels", dataset, draw)))
    classes, held = np.unique(y, return_counts=True)
    each = labels // len(classes)
    if not 1 <= each <= held.min():
        least = f"class {classes[held.argmin()]} has {held.min()}"
        raise BenchError(f"svm: labels = {labels} takes {each} training images of each class, but {least}")
    return np.sort(np.concatenate([rng.choice(np.flatnonzero(y == name), each, replace=False) for name in classes]))


def fit(codes: np.ndarray, y: np.ndarray) -> "SVC":
    """SVC(C=1, kernel="rbf", gamma="scale") on codes float64 [n, F] and labels [n].

    As a function its kernel is one matrix product, on pixels six times as fast as one value at a time.
    """
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.svm import SVC

    gamma = 1 / (codes.shape[1] * (codes.var() or 1.0))
    kernel = partial(rbf_kernel, gamma=gamma)
    return SVC(C=1.0, kernel=kernel).fit(codes, y)  # pyright: ignore[reportArgumentType]


def predictions(machines: "Sequence[SVC]", codes: Callable[[int], np.ndarray], noise_draws: int) -> np.ndarray:
    """The classes each machine gives to the test images [draws, n]; `codes` takes the number of the noise draw."""
    predicted: dict[int, np.ndarray] = {}
    for noise in range(min(noise_draws, len(machines))):
        z = codes(noise)
        predicted |= {draw: machines[draw].predict(z) for draw in range(noise, len(machines), noise_draws)}
    return np.stack([predicted[draw] for draw in range(len(machines))])


def accuracy(right: np.ndarray) -> Estimate:
    """In percent, of which test images the machine of each label draw gets right: bool [draws, n]."""
    draws, n = right.shape
    by_image, by_draw = right.mean(0), right.mean(1)
    variance = by_image.var() / n + (by_draw.var(ddof=1) / draws if draws > 1 else 0.0)
    return Estimate(100 * float(right.mean()), n, 100 * float(variance**0.5))


def _principal_components(train: Examples, count: int) -> Encode:
    from sklearn.decomposition import PCA

    pca = PCA(count, random_state=0).fit(_flat(corrupted(train.x, "clean")))

    def encode(chunks: Iterator[Tensor]) -> np.ndarray:
        return pca.transform(_flat(chunks)).astype(np.float64)

    return encode


def _pixels(chunks: Iterator[Tensor]) -> np.ndarray:
    return _flat(chunks).astype(np.float64)


def _flat(chunks: Iterator[Tensor]) -> np.ndarray:
    return np.concatenate([x.flatten(1).numpy() for x in chunks])


def _features(z: Tensor) -> np.ndarray:
    return z.double().cpu().numpy()


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"svm": Svm}
