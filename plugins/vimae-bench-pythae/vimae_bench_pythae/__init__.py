"""The models of pythae as objectives for vimae-bench: `pythae_vae`, `pythae_wae_mmd` and so on."""

from collections.abc import Callable, Mapping

from vimae_bench.plugin import Objective, Prior, hookimpl

from .models import OBJECTIVES
from .priors import PythaeVamp


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return OBJECTIVES


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"pythae_vamp": PythaeVamp}
