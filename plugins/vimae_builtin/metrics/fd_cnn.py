"""Generated images against real ones, in features of a small classifier: no Inception network is needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vimae_bench.data import array_sha256, cached_arrays
from vimae_bench.functional import estimate_frechet_distance
from vimae_bench.metrics import FeatureExtractor, GenerativeDistance, ReferenceStatistics, require_labels
from vimae_bench.plugin import BenchError, Estimate, Examples, Metric, ModelSpec, Splits, derive_seed, hookimpl

WIDTHS = (32, 64, 128)
FEATURES = 128
BATCH = 100
RATE = 1e-3
CHUNK = 250


@dataclass(frozen=True)
class FdCnn(GenerativeDistance):
    """The Fréchet distance in 128 features of a small convolutional classifier of the data set's training labels.

    The classifier is trained from a fixed seed on the CPU, once for a data set on a machine: values from two machines
    may differ in their last digits, as their rounding does. The value is a mean over 5 sets of drawn images, whose
    spread gives the standard error: that of fresh drawn images, given the real ones.
    """

    steps: ClassVar[int] = 1500
    """Training steps of the classifier."""
    name: ClassVar[str] = "fd_cnn"
    title: ClassVar[str] = "Fréchet distance (CNN)"
    description: ClassVar[str] = (
        "Fréchet distance of generated from real images in features of a small classifier; 0 if they are alike."
    )
    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "the real images are chosen at random, and 5 sets of drawn images are averaged",
    )
    draws: ClassVar[int] = 5
    estimator: ClassVar[str] = (
        "Fréchet distance of Gaussians with the moments of 128 features of a classifier, in float64, a "
        "mean over five sets of images; se by their spread"
    )
    bias: ClassVar[str] = "upwards, of order 1/n: compare at equal numbers of images only"
    source: ClassVar[str] = "the distance of Heusel et al., 1706.08500, in features of the data set's own"
    use_for: ClassVar[str] = "samples of grey images such as digits, for which Inception was not trained"

    def check(self, splits: Splits, spec: ModelSpec) -> None:
        super().check(splits, spec)
        try:
            require_labels(splits.train, "training")
        except ValueError as error:
            raise ValueError(f"fd_cnn trains a classifier ({error}); fd_pca64 does without labels") from error

    def cost(self, spec: ModelSpec, device: str) -> float:
        return self.estimate_cost({"cpu": 1e-6 * spec.shape[1] * spec.shape[2], "cuda": 1e-5}, device)

    def features(self, splits: Splits) -> FeatureExtractor:
        return CnnFeatures.from_training(splits.train, self.steps)

    def distance(self, features: np.ndarray, real: ReferenceStatistics) -> Estimate:
        return estimate_frechet_distance(features, real.moments)


@dataclass(frozen=True)
class CnnFeatures:
    """Features before the last layer of a classifier, trained on images uint8 [N, C, H, W] with labels [N]."""

    images: np.ndarray
    labels: np.ndarray
    steps: int

    @classmethod
    def from_training(cls, training: Examples, steps: int) -> "CnnFeatures":
        """Raises BenchError for images without labels."""
        if training.y is None:
            raise BenchError("fd_cnn needs training labels; fd_pca64 does without")
        return cls(training.x, training.y, steps)

    @cached_property
    def key(self) -> Mapping[str, object]:
        given = {"training images": array_sha256(self.images), "labels": array_sha256(self.labels)}
        how = {"widths": WIDTHS, "features": FEATURES, "batch": BATCH, "steps": self.steps, "rate": RATE}
        return {**given, **how, "by": f"torch {torch.__version__}"}

    def __call__(self, images: np.ndarray, device: torch.device) -> np.ndarray:
        """Features float32 [N, 128], never negative."""
        with torch.random.fork_rng(devices=[]):  # a net that is made draws weights
            net = build_network(images.shape[1], self._class_count)
        weights = cached_arrays("classifier", self.key, self._train)
        net.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})
        body = net[:-1].to(device).eval()
        with torch.inference_mode():
            parts = (to_network_units(images[i : i + CHUNK]).to(device) for i in range(0, len(images), CHUNK))
            return np.concatenate([body(x).cpu().numpy() for x in parts])

    @cached_property
    def _class_count(self) -> int:
        return len(np.unique(self.labels))

    def _train(self) -> Mapping[str, np.ndarray]:
        """Adam with a rate that falls to nothing along half a cosine; by one thread, for the same rounding."""
        threads = torch.get_num_threads()
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
            torch.set_num_threads(1)
            torch.manual_seed(derive_seed("fd_cnn"))
            try:
                net = self._fit(build_network(self.images.shape[1], self._class_count))
            finally:
                torch.set_num_threads(threads)
        return {name: w.numpy() for name, w in net.state_dict().items()}

    def _fit(self, net: nn.Sequential) -> nn.Sequential:
        y = torch.from_numpy(np.unique(self.labels, return_inverse=True)[1])
        adam = torch.optim.Adam(net.parameters(), lr=RATE)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.steps)
        for _ in range(self.steps):
            few = torch.randint(len(y), (BATCH,))
            loss = nn.functional.cross_entropy(net(to_network_units(self.images[few.numpy()])), y[few])
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()
        return net.eval()


def build_network(channels: int, classes: int) -> nn.Sequential:
    """Three strided convolutions with batch norms, a mean over places, a hidden layer; the last layer tells classes."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((channels, *WIDTHS), WIDTHS, strict=False):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    pooled = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * WIDTHS[-1], FEATURES), nn.ReLU()]
    return nn.Sequential(*layers, *pooled, nn.Linear(FEATURES, classes))


def to_network_units(images: np.ndarray) -> Tensor:
    """Images uint8 to float32 in [-1, 1]."""
    return torch.from_numpy(np.array(images)).float() / 127.5 - 1


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"fd_cnn": FdCnn}
