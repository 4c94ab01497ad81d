"""The uncertainty autoencoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, FixedGaussian
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl


@dataclass(frozen=True)
class UncertaintyAutoencoder(Objective):
    """Minimises c * SSE + weight_decay / 2 * ||w||^2 of a code with noise, z = f(x) + noise_std * eps (1812.10539).

    c is `recon_scale`, and w are the matrices and kernels of encoder and decoder, not their biases or the scales of
    normalisations. The noise is there at evaluation too: q(z|x) = N(f(x), noise_std^2 I) has a density. Nothing ties
    the code to a prior, so that the encoder may outgrow its noise, as `log E||z||^2` shows. Only weight decay opposes
    it, and batch normalisation, which undoes the scale of the weights before it, removes that in all but the heads.
    """

    formula: ClassVar[str] = "recon_scale * SSE + weight_decay / 2 * ||w||^2, z = f(x) + noise_std * eps"
    source: ClassVar[str] = "Grover and Ermon, 1812.10539; github.com/aditya-grover/uae, where w is the encoder's"
    special_cases: ClassVar[tuple[str, ...]] = ("noise_std -> 0 and weight_decay = 0: ae",)

    noise_std: Annotated[float, Ge(1e-3)] = 0.1
    weight_decay: Annotated[float, Ge(0)] = 1e-4
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> FixedGaussian:
        return FixedGaussian(self.noise_std)

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        z = model.encode(batch.x).rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        penalty = self.weight_decay / 2 * compute_squared_norm(model)
        norm = z.square().sum(-1).mean().log()
        return Loss(self.recon_scale * sse + penalty, {"sse": sse, "weight penalty": penalty, "log E||z||^2": norm})


def compute_squared_norm(model: Autoencoder) -> Tensor:
    """The sum of squares of all matrices and kernels of encoder and decoder, a scalar."""
    weights = [w for w in model.module_parameters(("encoder", "decoder")) if w.ndim > 1]
    return torch.stack([w.square().sum() for w in weights]).sum()


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"uae": UncertaintyAutoencoder}
