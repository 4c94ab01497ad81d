"""The plain autoencoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Deterministic
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl


@dataclass(frozen=True)
class PlainAutoencoder(Objective):
    """Minimises c * SSE of a deterministic code, with c = `recon_scale`, SSE in network units."""

    formula: ClassVar[str] = "recon_scale * SSE"
    source: ClassVar[str] = "Hinton and Salakhutdinov, Science 313 (2006)"
    special_cases: ClassVar[tuple[str, ...]] = ()
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Deterministic:
        return Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        xhat = model.decode(model.encode(batch.x).mean)
        sse = squared_error(batch.x, xhat).mean()
        return Loss(self.recon_scale * sse, {"sse": sse})


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"ae": PlainAutoencoder}
