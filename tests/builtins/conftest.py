"""Trained models whose every number is known: linear autoencoders with given weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.engine.step.vmapped_step import make_batched_step
from vimae_bench.execution import Training
from vimae_bench.models import PosteriorFamily, StandardNormal
from vimae_bench.plugin import Evaluation, Examples, Loss, ModelSpec, Objective, Prior, Splits


@dataclass(frozen=True)
class Untrained(Objective):
    """An objective that only says which posterior there is."""

    family: PosteriorFamily

    def posterior(self):
        return self.family

    def __call__(self, model, batch):
        return Loss(torch.zeros(()), {})


def affine(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """A cache folder for all tests of a module, such as for a classifier that several of them need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIMAE_BENCH_CACHE", str(tmp_path_factory.mktemp("made-once")))
        yield


@pytest.fixture
def linear_evaluation(linear):
    """Makes a evaluation of images uint8 [N, C, H, W] whose encoder's heads and decoder are pairs (weight, bias)."""

    def make(
        images: np.ndarray,
        family: PosteriorFamily,
        heads: Sequence[tuple[Tensor, Tensor]],
        decoder: tuple[Tensor, Tensor] | None = None,
        labels: np.ndarray | None = None,
        prior: Prior | None = None,
        pixel_range="unit",
        seed: int = 0,
    ) -> Evaluation:
        spec = ModelSpec(images.shape[1:], len(heads[0][1]), pixel_range)
        model = make_autoencoder(spec, linear, prior or StandardNormal, Untrained(family), seed).eval()
        for layer, (weight, bias) in zip(model.encoder.heads, heads, strict=True):
            affine(layer, weight, bias)
        if decoder:
            affine(model.decoder[0], *decoder)
        examples = Examples(images, labels)
        return Evaluation(model, Splits(examples, examples, examples), "invented", seed, torch.device("cpu"))

    return make


@pytest.fixture
def constant_heads():
    """Heads whose Gaussian posterior is N(mean, diag std^2) whatever the image."""

    def make(pixels: int, mean: Sequence[float], std: Sequence[float]) -> list[tuple[Tensor, Tensor]]:
        zero = torch.zeros(len(mean), pixels)
        return [(zero, torch.tensor(mean)), (zero, 2 * torch.tensor(std).log())]

    return make


@pytest.fixture
def noise_images():
    """Independent uniform bytes."""

    def make(n: int, shape: tuple[int, int, int] = (1, 2, 2)) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)

    return make


@pytest.fixture
def terms_of_two_seeds(linear):
    """The terms [T, 2] of one step of two linear models that differ in their seeds, made as one batched model."""

    def made(objective: Objective, spec: ModelSpec) -> Tensor:
        x = (255 * torch.rand(60, *spec.shape)).to(torch.uint8)
        models = [make_autoencoder(spec, linear, StandardNormal, objective, seed) for seed in range(2)]
        steps = [TrainingStep(model, objective, Training(batch=20), x) for model in models]
        index, progress = torch.arange(40).reshape(2, 20), torch.tensor(0.5)
        return make_batched_step(steps, index, progress)(index, progress)

    return made
