"""What each latent dimension changes in an image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vimae_bench.data import to_uint8
from vimae_bench.plugin import Evaluation, ImageTable, Picture, hookimpl

SHARES = (0.01, 0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 0.99)
MOST = 10
"""The latent dimensions shown at most."""


@dataclass(frozen=True)
class Traversals(Picture):
    """Each latent dimension moved over quantiles of the model's own prior, the others at the mean code, decoded.

    The mean code is that of the posterior means of all test images. Dimensions are in the order of their activity, the
    variance of the posterior mean over test images (1509.00519), of which a row gives the value; of more than ten, the
    ten most active are shown.
    """

    def __call__(self, evaluation: Evaluation) -> ImageTable:
        means = evaluation.posterior("test").mean
        activity = means.double().var(0, correction=0)
        shown = activity.argsort(descending=True, stable=True)[:MOST]
        quantiles = evaluation.prior_quantiles(SHARES)
        codes = means.mean(0).repeat(len(shown), len(SHARES), 1)
        for row, k in enumerate(shown.tolist()):
            codes[row, :, k] = quantiles[:, k].to(codes.dtype)
        images = to_uint8(evaluation.decode(codes.flatten(0, 1)))
        rest = f" (the {MOST} most active of {means.shape[1]})" if means.shape[1] > MOST else ""
        return ImageTable(
            images.reshape(len(shown), len(SHARES), *images.shape[1:]),
            f"Traversals: one latent dimension at quantiles of its prior, the others at the mean code{rest}",
            tuple(f"z{k + 1}, variance {activity[k]:.2g}" for k in shown.tolist()),
            tuple(f"{100 * share:.0f} %" for share in SHARES),
        )


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"traversals": Traversals}
