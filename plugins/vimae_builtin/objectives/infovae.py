"""The information-maximising variational autoencoder, which has VAE, beta-VAE, VIMAE and AE as special cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from vimae_bench.functional import squared_error
from vimae_bench.models import (
    Autoencoder,
    Deterministic,
    Gaussian,
    NoisyInputEncoder,
    PosteriorFamily,
    TruncatedNormal,
)
from vimae_bench.plugin import Batch, Divergence, DivergenceObjective, Loss, Objective, hookimpl

EncoderKind = Literal["gaussian", "deterministic"]


class InfoVAEBase(DivergenceObjective):
    """Minimises c * SSE + a * KL + (l - a) * divergence; subclasses say how a and l are given."""

    formula: ClassVar[str] = "c SSE + a KL(q(z|x), p(z)) + (l - a) D(q(z), p(z))"
    source: ClassVar[str] = "InfoVAE 1706.02262, section 3; its weights are named as in VIMAE 1905.10549"
    special_cases: ClassVar[tuple[str, ...]] = (
        "a = l = 1: VAE",
        "a = l = beta: beta-VAE",
        "a = 0, encoder = 'deterministic': VIMAE, or WAE, of weight l",
        "a = 0, encoder = 'gaussian': WAE with a random encoder",
        "a = l = 0, encoder = 'deterministic', input_noise = 0: the plain autoencoder",
    )

    a: float
    l: float  # noqa: E741
    recon_scale: float
    encoder: EncoderKind
    input_noise: float

    @property
    def weight(self) -> float:
        """The weight of the divergence."""
        return self.l - self.a

    def __post_init__(self):
        if self.encoder == "deterministic" and self.a:
            raise ValueError("a deterministic encoder has an infinite KL: it needs a = 0 (alpha = 1)")
        if self.weight < 0 and self.divergence.critic() is not None:
            raise ValueError("l below a would maximise the penalty of a critic, which has no bound")

    def posterior(self) -> PosteriorFamily:
        if self.encoder == "gaussian":
            return Gaussian()
        return NoisyInputEncoder(TruncatedNormal(self.input_noise)) if self.input_noise else Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = {"kl": model.prior.kl(q, z).mean()} if self.encoder == "gaussian" else {}
        divergence = self.divergence_loss(z, model, q)
        total = self.recon_scale * sse + sum(self.a * term for term in kl.values()) + self.weight * divergence
        return Loss(total, {"sse": sse, **kl, "divergence": divergence})


@dataclass(frozen=True)
class InfoVAE(InfoVAEBase):
    """Minimises c * SSE + a * KL(q(z|x) || p(z)) + (l - a) * divergence(q(z), p(z)), with c = `recon_scale`.

    `a` is the weight of the information I(x; z) and `l` that of the mismatch of q(z) and p(z), as 1905.10549 has them,
    since KL(q(z|x) || p(z)) is the sum of both; with l below a, divergence is rewarded. Zhao et al. (1706.02262) write
    alpha = 1 - a and lambda = l, as the objective `infovae_zhao` does.

    A `gaussian` encoder has one draw of z for each image. At a = 0 nothing but the divergence keeps its variance up:
    it is the WAE with a random encoder. A `deterministic` one, for a = 0 alone, encodes the image with the noise of
    `vimae`, of scale `input_noise` in network units, which a Gaussian encoder does without.
    """

    divergence: Divergence
    a: Annotated[float, Ge(0)]
    l: Annotated[float, Ge(0)]  # noqa: E741
    recon_scale: Annotated[float, Gt(0)] = 1.0
    encoder: EncoderKind = "gaussian"
    input_noise: Annotated[float, Ge(0)] = 0.01


@dataclass(frozen=True)
class ZhaoInfoVAE(InfoVAEBase):
    """Minimises c * SSE + (1 - alpha) * KL + (alpha + lambda - 1) * divergence: `infovae` in the names of its authors.

    So Zhao et al. (1706.02262) write it. alpha = 1 is the MMD-VAE of their code, alpha = 0 with lambda = 1 the VAE.
    """

    divergence: Divergence
    alpha: Annotated[float, Le(1)]
    lambda_: Annotated[float, Ge(0)]
    recon_scale: Annotated[float, Gt(0)] = 1.0
    encoder: EncoderKind = "gaussian"
    input_noise: Annotated[float, Ge(0)] = 0.01

    @property
    def a(self) -> float:
        """The weight of the information."""
        return 1 - self.alpha

    @property
    def l(self) -> float:  # noqa: E743
        """The weight of the mismatch of q(z) and p(z)."""
        return self.lambda_


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"infovae": InfoVAE, "infovae_zhao": ZhaoInfoVAE}
