"""Where the codes of generated images are drawn: from the model's prior, or after training for models without one.

    prior     the model's own prior, which for an objective without one is the prior that its benchmark names
    gaussian  a Gaussian with the mean and covariance of the training images' codes
    mixture   ten Gaussians with full covariances fitted to them (Ghosh et al., RAE, 1903.12436)
    chain     the Markov chain x -> z -> x of the trained encoder and decoder (Grover and Ermon, 1812.10539), from
              images of the prior

The densities are fitted to draws of q(z|x) for up to 10,000 training images.
"""

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from ..seeds import derive

if TYPE_CHECKING:
    from .trial import Trial

Source = Literal["prior", "gaussian", "mixture", "chain"]
FITTED = 10_000
COMPONENTS = 10
TRANSITIONS = 20


def codes(trial: "Trial", n: int, source: Source) -> Tensor:
    """n codes [n, d] to be decoded, drawn with the global generators."""
    draw = {"prior": _from_prior, "gaussian": _from_gaussian, "mixture": _from_mixture, "chain": _from_chain}
    return draw[source](trial, n)


def _from_prior(trial: "Trial", n: int) -> Tensor:
    return trial.model.prior.sample(n)


def _from_gaussian(trial: "Trial", n: int) -> Tensor:
    z = _training_codes(trial)
    mean, root = z.mean(0), _root(torch.atleast_2d(torch.cov(z.T)))
    return (mean + torch.randn(n, len(mean), dtype=z.dtype, device=z.device) @ root.T).float()


def _from_mixture(trial: "Trial", n: int) -> Tensor:
    from sklearn.mixture import GaussianMixture

    z = _training_codes(trial)
    seed = derive(trial.seed, "mixture") % 2**32
    fitted = GaussianMixture(COMPONENTS, covariance_type="full", random_state=seed).fit(z.cpu().numpy())
    drawn, _ = fitted.sample(n)
    return torch.from_numpy(drawn).float().to(z.device)


def _from_chain(trial: "Trial", n: int) -> Tensor:
    z = trial.model.prior.sample(n)
    for _ in range(TRANSITIONS):
        z = torch.cat([trial.trained_posterior(trial.decode(few)).rsample() for few in z.split(250)])
    return z


def _training_codes(trial: "Trial") -> Tensor:
    z = trial.draws("train")
    return z[torch.randperm(len(z), device=z.device)[:FITTED]].double()  # images may lie in the order of their classes


def _root(covariance: Tensor) -> Tensor:
    """A root of a covariance [d, d] that may be singular, as that of a code that uses fewer dimensions is."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt()
