"""The linear-Gaussian autoencoder, for which every quantity of an autoencoder objective has a closed form, in nats.

    data      x ~ N(0, S), S [D, D]                decoder  p(x|z) = N(W z, s2 I), W [D, d]
    prior     p(z) = N(0, I_d)                     encoder  q(z|x) = N(V x, L), V [d, D], L [d, d]

The model's own distribution of x is N(0, C) with C = W W' + s2 I, its posterior N(B x, P) with P = s2 M^-1,
B = M^-1 W' and M = W' W + s2 I (Tipping and Bishop, Journal of the Royal Statistical Society B 61, 1999). Estimators
are tested against it, and claims about identities are decided with it. Everything is NumPy in float64.
"""

from dataclasses import dataclass
from math import e, log, pi

import numpy as np


@dataclass(frozen=True)
class LinearGaussian:
    """The quantities of one linear-Gaussian autoencoder in nats, expectations over x ~ p(x) and z ~ q(z|x).

    Each is computed from its own definition and none from another, so that what relates them can be tested.
    """

    nll: float
    """-E log p_theta(x) of the model."""
    entropy_x: float
    """h(X) of the data."""
    rec: float
    """E log p_theta(x|z)."""
    rate: float
    """E KL(q(z|x) || p(z)) = i_q + k_z."""
    i_q: float
    """The mutual information of x and z under p(x) q(z|x)."""
    k_z: float
    """KL(q(z) || p(z)) of the aggregated posterior."""
    k_x: float
    """KL(p(x) || p_theta(x)) = nll - entropy_x."""
    k_post: float
    """E KL(q(z|x) || p_theta(z|x)) = -ELBO - nll, where ELBO = rec - rate."""
    model_information: float
    """The mutual information of x and z under the model's own p(z) p_theta(x|z)."""


def compute_quantities(S: np.ndarray, W: np.ndarray, s2: float, V: np.ndarray, L: np.ndarray) -> LinearGaussian:  # noqa: N803
    """All quantities for a data covariance S, a decoder W with variance s2 and an encoder V with covariance L.

    Raises ValueError for shapes that do not fit each other, and for an S, s2 or L that is not positive definite.
    """
    s, w, v, cov = (np.asarray(a, dtype=np.float64) for a in (S, W, V, L))
    _check_arguments(s, w, s2, v, cov)
    c, (b, p) = compute_model_covariance(w, s2), compute_exact_encoder(w, s2)
    q, prior = v @ s @ v.T + cov, np.eye(len(cov))
    off, gap = np.eye(len(s)) - w @ v, v - b
    spread = np.trace(off @ s @ off.T) + np.trace(w @ cov @ w.T)
    return LinearGaussian(
        nll=float(0.5 * (len(s) * log(2 * pi) + _logdet(c) + np.trace(np.linalg.solve(c, s)))),
        entropy_x=float(0.5 * (len(s) * log(2 * pi * e) + _logdet(s))),
        rec=float(-len(s) / 2 * log(2 * pi * s2) - spread / (2 * s2)),
        rate=_kl(cov, prior, v @ s @ v.T),
        i_q=float(0.5 * (_logdet(q) - _logdet(cov))),
        k_z=_kl(q, prior),
        k_x=_kl(s, c),
        k_post=_kl(cov, p, gap @ s @ gap.T),
        model_information=float(0.5 * _logdet(prior + w.T @ w / s2)),
    )


def compute_model_covariance(W: np.ndarray, s2: float) -> np.ndarray:  # noqa: N803
    """C [D, D] = W W' + s2 I, the covariance of x under the model."""
    return W @ W.T + s2 * np.eye(len(W))


def compute_exact_encoder(W: np.ndarray, s2: float) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
    """(V, L) of the encoder that is the model's own posterior: B [d, D] and P [d, d]."""
    inverse = np.linalg.inv(W.T @ W + s2 * np.eye(W.shape[1]))
    return inverse @ W.T, s2 * inverse


def _kl(a: np.ndarray, b: np.ndarray, apart: np.ndarray | float = 0.0) -> float:
    """KL(N(m, a) || N(n, b)), `apart` being E (m - n)(m - n)'."""
    moment = np.trace(np.linalg.solve(b, a + apart))
    return float(0.5 * (moment - len(a) + _logdet(b) - _logdet(a)))


def _logdet(a: np.ndarray) -> float:
    return float(np.linalg.slogdet(a)[1])


def _check_arguments(S: np.ndarray, W: np.ndarray, s2: float, V: np.ndarray, L: np.ndarray) -> None:  # noqa: N803
    pixels, latent = W.shape
    shapes = {"S": (S, (pixels, pixels)), "V": (V, (latent, pixels)), "L": (L, (latent, latent))}
    for name, (array, expected) in shapes.items():
        if array.shape != expected:
            raise ValueError(f"{name} is {array.shape}; with W {W.shape} it has to be {expected}")
    if s2 <= 0:
        raise ValueError(f"s2 = {s2} is not positive")
    for name, array in (("S", S), ("L", L)):
        if not np.allclose(array, array.T) or np.linalg.eigvalsh(array)[0] <= 0:
            raise ValueError(f"{name} is not a symmetric positive definite matrix")
