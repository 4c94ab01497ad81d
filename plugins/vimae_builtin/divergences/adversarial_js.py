"""The Jensen-Shannon divergence estimated by a critic."""

from collections.abc import Callable, Mapping

from vimae_bench.plugin import AdversarialJS, Divergence, hookimpl


@hookimpl
def vimae_divergences() -> Mapping[str, Callable[..., Divergence]]:
    return {"adversarial_js": AdversarialJS}
