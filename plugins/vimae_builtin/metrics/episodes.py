"""What a support vector machine reads from the codes of a few characters that no one has shown it before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, MinLen

from vimae_bench.data import Corruption
from vimae_bench.functional import estimate_mean
from vimae_bench.metrics import FeatureReader, baseline_features, fit_rbf_svm, latent_means, require_labels
from vimae_bench.plugin import Estimate, Evaluation, Examples, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl


@dataclass(frozen=True)
class Episodes(Metric):
    """Accuracy in percent of an RBF support vector machine on posterior means, over episodes of a few classes each.

    In each of `episodes` episodes, `ways` classes of the test split are drawn, and of every one `train` images to fit
    SVC(C=1, gamma="scale") to, clean, and `test` others to test it on, under each of the `conditions` (see
    `Corruption`). `split = "drawer"` lets no drawer of a class stand on both sides, as the factor `drawer` has it, so
    that no image is recognised by its rotated copy; "random" takes any images. Episodes and noise depend on the data
    set alone, so that all methods and runs meet the same. Nothing is measured where there is nothing to draw these
    from.

    Values are means over episodes. The standard error is that of fresh episodes, given the model and the images that
    they are drawn from. Raises ValueError for a condition there is none of.
    """

    conditions: Annotated[tuple[str, ...], MinLen(1)] = ("clean", "gauss_0.2", "gauss_0.4", "mask_0.2", "mask_0.5")
    split: Literal["drawer", "random"] = "drawer"
    episodes: Annotated[int, Ge(1)] = 60
    ways: Annotated[int, Ge(2)] = 5
    train: Annotated[int, Ge(1)] = 60
    test: Annotated[int, Ge(1)] = 20

    estimator: ClassVar[str] = "share of test images read rightly, a mean over episodes"
    bias: ClassVar[str] = (
        "none as the accuracy of a classifier of so few images; split = 'random' tests on turned copies"
    )
    source: ClassVar[str] = "1905.10549, Table 4; characters and drawers of Lake et al., Science 350, 2015"
    use_for: ClassVar[str] = "few-shot learning on data sets of very many classes"

    def __post_init__(self) -> None:
        for name in self.conditions:
            Corruption.parse(name)

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        require_labels(splits.test, "test")
        if reason := self._explain_misfit(splits.test):
            raise ValueError(reason)

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        """Of five classes of 80 images and a convolutional net of width 64."""
        return 0.02 * self.episodes * len(self.conditions) * spec.input_size / 784

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(
                f"episodes {name}",
                "%",
                "higher",
                margin=1.0,
                family="episodes",
                condition=name,
                topic="Representation" if name == "clean" else "Robustness",
                display_name=f"Few-shot accuracy ({Corruption.parse(name).title})",
                description=f"Accuracy with few labelled images a class, on {Corruption.parse(name).description}.",
            )
            for name in self.conditions
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        return self._measure(latent_means(evaluation), evaluation.splits.test, evaluation.dataset)

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:
        """The same on pixels, and on as many principal components of the training images as there are latents."""
        if self._explain_misfit(splits.test):
            return {}
        rows = baseline_features(splits, spec, dataset)
        return {row: self._measure(codes, splits.test, dataset) for row, codes in rows.items()}

    def draw(self, examples: Examples, dataset: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The places of the images that the episode of this number trains and tests on, class by class."""
        if examples.y is None:
            raise ValueError("there are no labels")
        rng = np.random.Generator(np.random.Philox(key=derive_seed("episode", dataset, number)))
        classes = rng.choice(np.unique(examples.y), self.ways, replace=False)
        order = self._draw_order(examples, rng)
        places = [order[examples.y[order] == name] for name in classes]
        train = np.concatenate([held[: self.train] for held in places])
        return train, np.concatenate([held[self.train : self.train + self.test] for held in places])

    def _draw_order(self, examples: Examples, rng: np.random.Generator) -> np.ndarray:
        """All places in random order, the images of a drawer one after the other where classes are split by drawer."""
        order = rng.permutation(len(examples))
        if self.split == "random":
            return order
        _, drawer = np.unique(examples.factors["drawer"], return_inverse=True)
        turn = rng.permutation(drawer.max() + 1)
        return order[np.argsort(turn[drawer[order]], kind="stable")]

    def _measure(self, codes: FeatureReader, examples: Examples, dataset: str) -> dict[str, Estimate]:
        """The accuracy under each condition."""
        if self._explain_misfit(examples):
            return {}
        shares = np.array([self._score_episode(codes, examples, dataset, number) for number in range(self.episodes)])
        return {
            f"episodes {name}": _average_episodes(100 * share)
            for name, share in zip(self.conditions, shares.T, strict=True)
        }

    def _score_episode(self, codes: FeatureReader, examples: Examples, dataset: str, number: int) -> list[float]:
        """The share of test images read rightly under each condition."""
        y = np.asarray(examples.y)
        train, test = self.draw(examples, dataset, number)
        machine = fit_rbf_svm(codes("test", places=train), y[train])
        seen = (codes("test", name, number, test) for name in self.conditions)
        return [float(np.mean(machine.predict(z) == y[test])) for z in seen]

    def _explain_misfit(self, examples: Examples) -> str:
        """Why no episodes can be drawn from these images, with what would fit; empty if they can."""
        if examples.y is None:
            return "there are no labels to train and test a classifier with; a data set with labels would fit"
        if self.split == "drawer" and "drawer" not in examples.factors:
            return "split = 'drawer' needs to know who drew each image, as omniglot does; split = 'random' would fit"
        classes, held = np.unique(examples.y, return_counts=True)
        if len(classes) < 2:
            return f"all test images are of class {classes[0]}; data of two classes or more would fit"
        if len(classes) < self.ways:
            return f"ways = {self.ways}, but there are {len(classes)} classes; ways = {len(classes)} would fit"
        each = _count_images_per_drawer(examples) if self.split == "drawer" else 1
        if not each:
            return "split = 'drawer' needs as many test images by each drawer of a class; split = 'random' would fit"
        if held.min() >= self.train + self.test and self.train % each == self.test % each == 0:
            return ""
        return self._suggest_sizes(
            f"class {classes[held.argmin()]} has {held.min()} test images", held.min() // each, each
        )

    def _suggest_sizes(self, least: str, drawers: int, each: int) -> str:
        """What to say where `train` and `test` do not fit, but those that share out the drawers alike would."""
        test = max(1, round(drawers * self.test / (self.train + self.test)))
        by = f", {each} by each drawer" if self.split == "drawer" else ""
        fit = (
            f"train = {(drawers - test) * each}, test = {test * each} would fit" if drawers > 1 else "too few to split"
        )
        return f"train = {self.train}, test = {self.test}, but {least}{by}: {fit}"


def _count_images_per_drawer(examples: Examples) -> int:
    """How many images each drawer has of each class; 0 where it is not the same number everywhere."""
    pairs = np.stack([np.asarray(examples.y), examples.factors["drawer"]])
    _, held = np.unique(pairs, axis=1, return_counts=True)
    return int(held[0]) if (held == held[0]).all() else 0


def _average_episodes(values: np.ndarray) -> Estimate:
    return replace(estimate_mean(torch.tensor(values)), per_draw=tuple(values.tolist()))


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"episodes": Episodes}
