"""The variational InfoMax autoencoder, and other Wasserstein autoencoders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Deterministic, NoisyInputEncoder, PosteriorFamily, TruncatedNormal
from vimae_bench.plugin import AdversarialJS, Batch, Divergence, DivergenceObjective, Loss, Objective, hookimpl


class WassersteinAutoencoder(DivergenceObjective):
    """c * SSE + weight * divergence(q(z), p(z)), with z = f(x + nu) and the reconstruction of the clean x."""

    recon_scale: float
    input_noise: float
    """The scale of the normal nu in network units, cut at two scales, in training only."""

    def posterior(self) -> PosteriorFamily:
        return NoisyInputEncoder(TruncatedNormal(self.input_noise)) if self.input_noise else Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        divergence = self.divergence_loss(z, model, q)
        return Loss(self.recon_scale * sse + self.weight * divergence, {"sse": sse, "divergence": divergence})


@dataclass(frozen=True)
class VIMAE(WassersteinAutoencoder):
    """Minimises c * SSE + weight * divergence(q(z), p(z)), with z = f(x + nu) and c = `recon_scale` (1905.10549).

    The input noise nu is normal of scale `input_noise` in network units, cut at two scales, in training only; the
    reconstruction is compared with the clean image. With MMD to a normal prior this is WAE-MMD (1711.01558).
    """

    formula: ClassVar[str] = "c SSE + weight D(q(z), p(z)), z = f(x + nu)"
    source: ClassVar[str] = (
        "VIMAE 1905.10549, equations 6 and 13; WAE 1711.01558, algorithms 1, 2; github.com/tolstikhin/wae"
    )
    special_cases: ClassVar[tuple[str, ...]] = (
        "divergence = 'mmd', prior 'normal': VIMAE-n, which is WAE-MMD",
        "divergence = 'mmd', prior 'logistic': VIMAE-l",
        "divergence = 'adversarial_js': WAE-GAN",
        "weight = 0, input_noise = 0: the plain autoencoder",
    )

    divergence: Divergence
    weight: Annotated[float, Ge(0)] = 10.0
    recon_scale: Annotated[float, Gt(0)] = 1.0
    input_noise: Annotated[float, Ge(0)] = 0.01


@dataclass(frozen=True)
class WAEGAN(WassersteinAutoencoder):
    """Minimises c * SSE + weight * softplus(-T(z)), z = f(x + nu), against a critic T that separates z from the prior.

    It is `vimae` with the divergence `adversarial_js`, whose settings are its own, under the name of
    WAE-GAN (1711.01558, algorithm 1). `weight` multiplies the critic's loss as well.
    """

    formula: ClassVar[str] = "c SSE + weight softplus(-T(z)); T: weight [softplus(-T(p)) + softplus(T(z))], p ~ p(z)"
    source: ClassVar[str] = "WAE 1711.01558, algorithm 1; github.com/tolstikhin/wae"
    special_cases: ClassVar[tuple[str, ...]] = ("input_noise = 0: the adversarial autoencoder (1511.05644)",)

    weight: Annotated[float, Ge(0)] = 10.0
    recon_scale: Annotated[float, Gt(0)] = 1.0
    input_noise: Annotated[float, Ge(0)] = 0.01
    units: Annotated[int, Ge(1)] = 512
    layers: Annotated[int, Ge(1)] = 4
    prior_trick: bool = False
    learning_rate: Annotated[float, Gt(0)] = 5e-4

    @property
    def divergence(self) -> AdversarialJS:
        """The divergence with its critic."""
        return AdversarialJS(self.units, self.layers, self.prior_trick, self.learning_rate)


@dataclass(frozen=True)
class AAE(WAEGAN):
    """The adversarial autoencoder (Makhzani et al., 1511.05644): `wae_gan` without noise on its input."""

    source: ClassVar[str] = "AAE 1511.05644"
    special_cases: ClassVar[tuple[str, ...]] = ("input_noise = 0.01: WAE-GAN",)

    input_noise: Annotated[float, Ge(0)] = 0.0


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"vimae": VIMAE, "wae_mmd": VIMAE, "wae_gan": WAEGAN, "aae": AAE}
