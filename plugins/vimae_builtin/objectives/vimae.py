"""The variational InfoMax autoencoder, which is the Wasserstein autoencoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from vimae_bench import (
    Autoencoder,
    Batch,
    Deterministic,
    Divergence,
    DivergenceObjective,
    Loss,
    NoisedDeterministic,
    Objective,
    PosteriorFamily,
    TruncatedNormal,
    hookimpl,
    squared_error,
)


@dataclass(frozen=True)
class VIMAE(DivergenceObjective):
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

    def posterior(self) -> PosteriorFamily:
        return NoisedDeterministic(TruncatedNormal(self.input_noise)) if self.input_noise else Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        divergence = self.compare(z, model, q)
        return Loss(self.recon_scale * sse + self.weight * divergence, {"sse": sse, "divergence": divergence})


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"vimae": VIMAE, "wae_mmd": VIMAE}
