"""The denoising autoencoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt
from torch import Tensor

from vimae_bench.data import Corruption
from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Deterministic
from vimae_bench.plugin import Batch, Loss, Objective, PixelRange, hookimpl


@dataclass(frozen=True)
class DenoisingAutoencoder(Objective):
    """Minimises c * SSE between the clean image and the reconstruction of a corrupted one, with c = `recon_scale`.

    The `corruption` is named as those of the robustness metrics are (see `Corruption`): `gauss_<s>`, `mask_<p>`,
    `mask_pixel_<p>` or `clean`, in [0, 1] units, unclipped, drawn in every step. The code is deterministic, and
    there is no corruption at evaluation.

    Raises ValueError for an unknown corruption.
    """

    formula: ClassVar[str] = "recon_scale * SSE(x, decode(encode(corrupted x)))"
    source: ClassVar[str] = "Vincent et al., ICML 2008"
    special_cases: ClassVar[tuple[str, ...]] = ("corruption = clean: ae",)

    corruption: str = "gauss_0.2"
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def __post_init__(self) -> None:
        Corruption.parse(self.corruption)

    def posterior(self) -> Deterministic:
        return Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        corrupted = corrupt(batch.x, Corruption.parse(self.corruption), model.spec.pixel_range)
        xhat = model.decode(model.encode(corrupted).mean)
        sse = squared_error(batch.x, xhat).mean()
        return Loss(self.recon_scale * sse, {"sse": sse})


def corrupt(x: Tensor, corruption: Corruption, pixel_range: PixelRange) -> Tensor:
    """Corrupted copies of images [B, C, H, W] in network units; levels and black are in [0, 1] units."""
    black, width = (0.0, 1.0) if pixel_range == "unit" else (-1.0, 2.0)
    if corruption.kind == "clean":
        return x
    if corruption.kind == "gauss":
        return x + width * corruption.level * torch.randn_like(x)
    uniform = torch.rand_like(x if corruption.kind == "mask" else x[:, :1])
    return torch.where(uniform < corruption.level, black, x)


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"dae": DenoisingAutoencoder}
