"""What support vector machines read from the codes of clean and of damaged images, under six readings of M1 + SVM."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from statistics import fmean
from typing import Annotated, ClassVar, Protocol

import numpy as np
from annotated_types import Ge, Gt, MinLen

from vimae_bench.data import Corruption
from vimae_bench.functional import fit_linear_svm
from vimae_bench.metrics import (
    FeatureReader,
    baseline_features,
    choose_rbf_cost,
    draw_stratified_subset,
    estimate_accuracy,
    fit_rbf_svm,
    latent_means,
    latent_samples,
    validate_labels,
)
from vimae_bench.models import DiracPosterior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl


class FittedClassifier(Protocol):
    """A fitted classifier."""

    def predict(self, codes: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class _SvmBase(Metric):
    """The protocol that all readings share; each says which machine it fits, to what, and how its measures begin."""

    conditions: Annotated[tuple[str, ...], MinLen(1)] = ("clean", "gauss_0.2", "gauss_0.4", "mask_0.2", "mask_0.5")
    labels: Annotated[int, Ge(2)] = 1000
    label_draws: Annotated[int, Ge(1)] = 10
    noise_draws: Annotated[int, Ge(1)] = 5

    prefix: ClassVar[str]
    titles: ClassVar[tuple[str, str]]
    """The name of the accuracy, and the machine in words."""
    sampled: ClassVar[bool] = False
    estimator: ClassVar[str] = "share of test images read rightly, a mean over draws of the labelled images"
    bias: ClassVar[str] = "none as the accuracy of a classifier of so few labels; it bounds that of better ones below"
    source: ClassVar[str] = "Kingma et al., M1 of 1406.5298; conditions of 1905.10549, Tables 2 and 3"

    def __post_init__(self) -> None:
        for name in self.conditions:
            Corruption.parse(name)

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        validate_labels(splits, self.labels)

    def cost(self, spec: ModelSpec, device: str) -> float:
        """Of 10,000 test images and a convolutional net of width 64: about 0.1 s to read them, 0.6 s to encode them."""
        reads = self.label_draws * (len(self.conditions) + self.sampled)
        encodings = min(self.noise_draws, self.label_draws) * sum(name != "clean" for name in self.conditions)
        return 0.1 * reads + (0.6 if device == "cpu" else 0.2) * encodings * spec.input_size / 784

    def measures(self) -> tuple[Measure, ...]:
        title, machine = self.titles
        corrupted = (
            Measure(
                f"{self.prefix} {name}",
                "%",
                "higher",
                margin=1.0,
                family=self.prefix,
                condition=name,
                topic="Representation" if name == "clean" else "Robustness",
                display_name=f"{title} ({Corruption.parse(name).title})",
                description=f"Accuracy of {machine} on codes of {Corruption.parse(name).description}.",
            )
            for name in self.conditions
        )
        sampled = Measure(
            f"{self.prefix} sampled",
            "%",
            "higher",
            margin=1.0,
            topic="Representation",
            display_name=f"{title} (sampled codes)",
            description=f"Accuracy of {machine} on draws of the posterior of clean images.",
        )
        return (*corrupted, *[sampled] * self.sampled)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        splits, dataset = evaluation.splits, evaluation.dataset
        estimates = self._measure(latent_means(evaluation), splits, dataset, self.conditions)
        if self.sampled and estimates and not isinstance(evaluation.posterior("test"), DiracPosterior):
            name = f"{self.prefix} sampled"
            drawn = evaluation.with_seed(
                lambda: self._measure(latent_samples(evaluation), splits, dataset, ("clean",)), name
            )
            estimates[name] = drawn[f"{self.prefix} clean"]
        return estimates

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:
        """The same on pixels, and on as many principal components of the training images as there are latents."""
        if splits.train.y is None:
            return {}
        rows = baseline_features(splits, spec, dataset)
        return {row: self._measure(codes, splits, dataset, self.conditions) for row, codes in rows.items()}

    def _measure(
        self, codes: FeatureReader, splits: Splits, dataset: str, conditions: Sequence[str]
    ) -> dict[str, Estimate]:
        """The accuracy under each condition."""
        y, truth = splits.train.y, splits.test.y
        if y is None or truth is None:
            return {}
        choices = [draw_stratified_subset(y, self.labels, dataset, draw) for draw in range(self.label_draws)]
        tests = self.select_tests(len(truth), dataset)

        def fit_machines(name: str) -> list[FittedClassifier]:
            return [
                self._fit(codes("train", name, draw, choice), y[choice], derive_seed("folds", dataset, draw))
                for draw, choice in enumerate(choices)
            ]

        def right(name: str) -> np.ndarray:
            def read_tests(noise: int) -> np.ndarray:
                return codes("test", name, noise)[tests]

            return (
                predict_draws(machines[self._get_training_condition(name)], read_tests, self.noise_draws)
                == truth[tests]
            )

        machines = {name: fit_machines(name) for name in dict.fromkeys(map(self._get_training_condition, conditions))}
        found = {f"{self.prefix} {name}": estimate_accuracy(right(name)) for name in conditions}
        return found | self._describe_machines([machine for each in machines.values() for machine in each])

    def _fit(self, codes: np.ndarray, y: np.ndarray, seed: int) -> FittedClassifier:  # noqa: ARG002
        """The machine of labelled codes; the seed depends on the data set and the label draw alone."""
        return fit_rbf_svm(codes, y)

    def _describe_machines(self, machines: Sequence[FittedClassifier]) -> dict[str, Estimate]:  # noqa: ARG002
        """What is measured of the machines themselves."""
        return {}

    def _get_training_condition(self, condition: str) -> str:  # noqa: ARG002
        """The corruption of the labelled images."""
        return "clean"

    def select_tests(self, n: int, dataset: str) -> np.ndarray | slice:  # noqa: ARG002
        """Which of the n test images."""
        return slice(None)


@dataclass(frozen=True)
class Svm(_SvmBase):
    """Accuracy in percent of an RBF support vector machine on posterior means, the M1 + SVM of 1406.5298.

    scikit-learn's SVC(C=1, gamma="scale") is fitted to the clean codes of `labels` training images, the same number of
    every class, and tested on the whole test split, under each of the `conditions` (see `Corruption`). Values are
    means over `label_draws` draws of the labelled images; draw i meets noise draw i modulo `noise_draws`. Labels and
    noise depend on the data set alone, so that all methods and runs meet the same. `svm sampled` fits and tests on
    draws of the posterior, clean; it is left out where the encoder is deterministic. Nothing is measured on a data set
    without labels.

    Standard errors cover other test images, and other draws of noise and of labelled images among the training images
    that there are, for one model; there is none of one draw, nor of fewer than four test images.

    Raises ValueError for a condition there is none of, BenchError where a class has too few training images.
    """

    prefix: ClassVar[str] = "svm"
    titles: ClassVar[tuple[str, str]] = ("SVM accuracy", "a support vector machine (RBF kernel, C = 1)")
    use_for: ClassVar[str] = "how useful codes are with few labels, and how much corrupted images harm them"
    sampled: ClassVar[bool] = True


@dataclass(frozen=True)
class SvmLinear(_SvmBase):
    """What `svm` measures, by a linear machine: hinge loss, C = 1, one class against another, most votes win.

    It is scikit-learn's SVC(C=1, kernel="linear"), found by a method whose time does not depend on the scale of codes.
    """

    prefix: ClassVar[str] = "svm linear"
    titles: ClassVar[tuple[str, str]] = ("Linear SVM accuracy", "a linear support vector machine (C = 1)")
    sampled: ClassVar[bool] = True
    source: ClassVar[str] = 'M1 of 1406.5298 with the SVC(kernel="linear") of Grover and Ermon, 1812.10539'
    use_for: ClassVar[str] = "as `svm`, where classes should be separable by planes"

    def _fit(self, codes: np.ndarray, y: np.ndarray, seed: int) -> FittedClassifier:  # noqa: ARG002
        return fit_linear_svm(codes, y)


@dataclass(frozen=True)
class SvmTuned(_SvmBase):
    """What `svm` measures, of machines whose C is chosen among `costs`: the fixed C = 1 is not the best for all codes.

    For each model and each draw of the labelled images, the C of the best accuracy in stratified cross-validation on
    these labels, in as many `folds`, the least of several; then a machine is fitted to all of them. Folds depend on the
    data set and the draw alone. `svm tuned log10 C` is the mean of what was chosen over the draws.
    """

    costs: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(2)] = (0.1, 1.0, 10.0, 100.0)
    folds: Annotated[int, Ge(2)] = 5

    prefix: ClassVar[str] = "svm tuned"
    titles: ClassVar[tuple[str, str]] = ("Tuned SVM accuracy", "a support vector machine (RBF kernel, tuned C)")
    use_for: ClassVar[str] = "as `svm`, where C = 1 may favour a method"

    def check(self, splits: Splits, spec: ModelSpec) -> None:
        super().check(splits, spec)
        held = np.unique(np.asarray(splits.train.y), return_counts=True)[1]
        classes, folds = len(held), min(int(held.min()), self.folds)
        if (each := self.labels // classes) >= self.folds:
            return
        if folds < 2:
            raise ValueError(
                "a class has a single training image, of which no folds can be made; data with more would fit"
            )
        fit = f"labels = {folds * classes}" + f", folds = {folds}" * (folds < self.folds)
        raise ValueError(
            f"labels = {self.labels} are {each} of each class, fewer than folds = {self.folds}; {fit} would fit"
        )

    def cost(self, spec: ModelSpec, device: str) -> float:
        """About 0.02 s for a machine of 1,000 labels."""
        return (
            super().cost(spec, device)
            + 0.02 * self.label_draws * len(self.costs) * self.folds * (self.labels / 1000) ** 2
        )

    def measures(self) -> tuple[Measure, ...]:
        chosen = Measure(
            f"{self.prefix} log10 C",
            "",
            None,
            topic="Representation",
            display_name="log10 C of tuned SVM",
            description="Logarithm of the C chosen by cross-validation, a mean over draws of the labels.",
        )
        return (*super().measures(), chosen)

    def _fit(self, codes: np.ndarray, y: np.ndarray, seed: int) -> FittedClassifier:
        cost = choose_rbf_cost(codes, y, self.costs, self.folds, seed)
        return _TunedClassifier(cost, fit_rbf_svm(codes, y, cost))

    def _describe_machines(self, machines: Sequence[FittedClassifier]) -> dict[str, Estimate]:
        chosen = [log10(machine.cost) for machine in machines if isinstance(machine, _TunedClassifier)]
        return {f"{self.prefix} log10 C": Estimate(fmean(chosen), len(chosen), None, tuple(chosen))}


@dataclass(frozen=True)
class SvmRetrained(_SvmBase):
    """What `svm` measures, of machines trained for each condition, on codes of images damaged in the same way.

    The labelled images of draw i meet a noise of their own, not that of any test image.
    """

    conditions: Annotated[tuple[str, ...], MinLen(1)] = ("gauss_0.2", "gauss_0.4", "mask_0.2", "mask_0.5")

    prefix: ClassVar[str] = "svm retrained"
    titles: ClassVar[tuple[str, str]] = ("Retrained SVM accuracy", "a support vector machine trained on such codes")
    use_for: ClassVar[str] = "as `svm`, where the corruption is known when the classifier is trained"

    def _get_training_condition(self, condition: str) -> str:
        return condition


@dataclass(frozen=True)
class SvmStandardised(_SvmBase):
    """What `svm` measures, of features brought to mean 0 and variance 1 over the labelled clean codes of each draw."""

    prefix: ClassVar[str] = "svm standardised"
    titles: ClassVar[tuple[str, str]] = ("Standardised SVM accuracy", "a support vector machine after standardisation")
    use_for: ClassVar[str] = "as `svm`, where latents of small variance should count as much as others"

    def _fit(self, codes: np.ndarray, y: np.ndarray, seed: int) -> FittedClassifier:  # noqa: ARG002
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(codes)
        return _ScaledClassifier(scaler.transform, fit_rbf_svm(scaler.transform(codes), y))


@dataclass(frozen=True)
class SvmSubset(_SvmBase):
    """What `svm` measures, on `tests` test images: the same for all methods and draws, or all where there are fewer.

    The standard error then is that of a published accuracy of so many images.
    """

    tests: Annotated[int, Ge(1)] = 1000

    prefix: ClassVar[str] = "svm subset"
    titles: ClassVar[tuple[str, str]] = ("SVM accuracy on 1,000", "a support vector machine, on 1,000 test images,")
    use_for: ClassVar[str] = "as `svm`, on as few test images as a paper may have used"

    def select_tests(self, n: int, dataset: str) -> np.ndarray:
        rng = np.random.Generator(np.random.Philox(key=derive_seed("tests", dataset)))
        return np.sort(rng.choice(n, min(self.tests, n), replace=False))


@dataclass(frozen=True)
class _TunedClassifier:
    cost: float
    machine: FittedClassifier

    def predict(self, codes: np.ndarray) -> np.ndarray:
        return self.machine.predict(codes)


@dataclass(frozen=True)
class _ScaledClassifier:
    scale: Callable[[np.ndarray], np.ndarray]
    machine: FittedClassifier

    def predict(self, codes: np.ndarray) -> np.ndarray:
        return self.machine.predict(self.scale(codes))


def predict_draws(
    machines: Sequence[FittedClassifier], codes: Callable[[int], np.ndarray], noise_draws: int
) -> np.ndarray:
    """The classes each machine gives to the test images [draws, n]; `codes` takes the number of the noise draw."""
    predicted: dict[int, np.ndarray] = {}
    for noise in range(min(noise_draws, len(machines))):
        z = codes(noise)
        predicted |= {draw: machines[draw].predict(z) for draw in range(noise, len(machines), noise_draws)}
    return np.stack([predicted[draw] for draw in range(len(machines))])


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {
        "svm": Svm,
        "svm_linear": SvmLinear,
        "svm_retrained": SvmRetrained,
        "svm_standardised": SvmStandardised,
        "svm_subset": SvmSubset,
        "svm_tuned": SvmTuned,
    }
