"""What is trained: a network, an objective and images, the same for every contestant."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from vimae_bench.data.pixels import to_unit
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import Autoencoder, StandardNormal
from vimae_bench.plugin import Architecture, ModelSpec, Objective
from vimae_builtin.architectures.conv import Conv
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.vimae import VIMAE
from vimae_builtin.priors.logistic import StandardLogistic

BATCH = 100
LEARNING_RATE = 1e-3
BETAS = (0.5, 0.999)
STEPS = 40_000
"""Steps of the paper's training on MNIST: 80 epochs of 500. Decides whether compiling is worth it."""
WEIGHT = 10.0


@dataclass(frozen=True)
class Net:
    """An architecture over images of `shape` (C, H, W) with `latent` dimensions."""

    name: str
    architecture: Architecture
    shape: tuple[int, int, int]
    latent: int

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(self.shape, self.latent)


@dataclass(frozen=True)
class Method:
    """An objective in pythae's form: 0.5 * SSE + KL, or SSE + 10 * MMD^2.

    `kernel` None is the VAE. RBF is exp(-r^2/(2d)), IMQ the sum over seven scales. `input_noise` is the scale of the
    normal noise on the images, truncated at two scales.
    """

    name: str
    kernel: Literal["imq", "rbf"] | None = None
    prior: Literal["normal", "logistic"] = "normal"
    input_noise: float = 0.0

    def objective(self, latent: int) -> Objective:
        """Our objective for it."""
        if self.kernel is None:
            return ELBO(recon_scale=0.5)
        bandwidth = sqrt(latent) if self.kernel == "rbf" else None
        return VIMAE(MMD(self.kernel, bandwidth), WEIGHT, input_noise=self.input_noise)


MLP_NET = Net("MLP 784-256-256-256-2", MLP(), (1, 28, 28), 2)
METHODS = {
    "vae": Method("VAE"),
    "imq": Method("WAE-MMD, IMQ kernel (7 scales)", "imq"),
    "rbf": Method("WAE-MMD, RBF kernel", "rbf"),
    "vimae-n": Method("VIMAE-n", "imq", input_noise=0.01),
    "vimae-l": Method("VIMAE-l", "imq", "logistic", 0.01),
}
"""The paper's objectives. The step of a beta-VAE is that of a VAE; VIMAE-n is WAE-MMD with input noise."""


def conv(size: Literal[28, 32], width: int) -> Net:
    """The convolutional networks of the paper, which have width 1024."""
    shape, latent = ((1, 28, 28), 8) if size == 28 else ((3, 32, 32), 64)
    return Net(f"conv {size}x{size}, width {width}", Conv(width), shape, latent)


@dataclass(frozen=True)
class Workload:
    """A network trained by a method, in slices of `steps` steps, which are epochs."""

    net: Net
    method: Method
    steps: int
    device: str = "cpu"

    @property
    def name(self) -> str:
        return f"{self.method.name}, {self.net.name}"

    @property
    def samples(self) -> int:
        """Images in a slice."""
        return self.steps * BATCH

    def images(self) -> Tensor:
        """Random pixels uint8 [samples, C, H, W]: their content does not affect the time."""
        generator = torch.Generator().manual_seed(0)
        return torch.randint(256, (self.samples, *self.net.shape), dtype=torch.uint8, generator=generator)

    def pixels(self) -> Tensor:
        """The same images in [0, 1], float32."""
        return to_unit(self.images())

    def objective(self) -> Objective:
        return self.method.objective(self.net.latent)

    def model(self) -> Autoencoder:
        """The model at its initial weights, the same for every contestant, on the device."""
        prior = StandardNormal if self.method.prior == "normal" else StandardLogistic
        return make_autoencoder(self.net.spec, self.net.architecture, prior, self.objective(), seed=0).to(self.device)

    def flops(self) -> float:
        """Floating-point operations of training on one image: six for each multiply-add of the forward pass."""
        model, x = self.model().eval(), self.pixels()[:1].to(self.device)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.decode(model.encode(x).mean)
        return 3.0 * counter.get_total_flops()

    def synchronise(self) -> None:
        """Wait until the device has finished."""
        if self.device == "cuda":
            torch.cuda.synchronize(self.device)
