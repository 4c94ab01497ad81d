"""The standard normal prior."""

from collections.abc import Callable, Mapping

from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Prior, hookimpl


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"normal": StandardNormal}
