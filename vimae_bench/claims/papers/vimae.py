"""Closed forms for "The Variational InfoMax AutoEncoder" (arXiv 1905.10549)."""

from collections.abc import Callable, Mapping
from math import e, log, pi, sqrt

import numpy as np

from ..closed_forms import ClosedFormResult
from ..linear_gaussian import LinearGaussian, compute_quantities


def compare_logistic_entropy() -> ClosedFormResult:
    """A logistic distribution of unit variance has less entropy than a normal one.

    h = 2 + log s for a logistic distribution of scale s, whose variance is (pi s)^2 / 3; h = log(2 pi e) / 2 for
    N(0, 1).
    """
    logistic, normal = 2 + log(sqrt(3) / pi), log(2 * pi * e) / 2
    statement = f"{logistic:.6f} nats per dimension against {normal:.6f}: {normal - logistic:.6f} less"
    return ClosedFormResult(logistic < normal, (statement,))


def check_equation_8() -> ClosedFormResult:
    """Eq. 8 compared with the objective that it rewrites, for three random linear-Gaussian autoencoders.

    With D = 6, d = 2 and lambda = 10, in nats, and with the constant h(X) that the printed form omits.
    """
    statements, gaps = list[str](), list[float]()
    for seed in range(3):
        draw = np.random.default_rng(seed).normal
        factor, noise = draw(size=(6, 6)), draw(size=(2, 2))
        model = compute_quantities(
            factor @ factor.T + np.eye(6), draw(size=(6, 2)), 0.5, 0.3 * draw(size=(2, 6)), noise @ noise.T + np.eye(2)
        )
        objective, printed, exact = (
            form(model, 10.0) for form in (compute_objective, compute_equation_8, compute_exact_form)
        )
        gaps.append(abs(printed - objective))
        statements.append(
            f"model {seed + 1}: objective {objective:.3f}, eq. 8 as printed {printed:.3f}, off by "
            f"{printed - objective:.3f} = K_z - K_x = {model.k_z - model.k_x:.3f}; exact form {exact:.3f}"
        )
    return ClosedFormResult(max(gaps) < 1e-6, tuple(statements))


def compute_objective(model: LinearGaussian, lam: float) -> float:
    """The objective of VIMAE, rec - lam * K_z, to be maximised."""
    return model.rec - lam * model.k_z


def compute_exact_form(model: LinearGaussian, lam: float) -> float:
    """-h(X) - K_x - (lam - 1) K_z + I_q - K_post, which equals the objective (1706.02262, constant included)."""
    return -model.entropy_x - model.k_x - (lam - 1) * model.k_z + model.i_q - model.k_post


def compute_information(model: LinearGaussian) -> float:
    """I_theta = h(X) + E log p_theta(x|z), which the paper writes as a mutual information of x and z."""
    return model.entropy_x + model.rec


def compute_equation_8(model: LinearGaussian, lam: float) -> float:
    """-h(X) - K_x - (lam - 1) K_z + I_theta: eq. 8 with the constant that it omits.

    It differs from the objective by K_x - K_z, and so is right only if the two are equal.
    """
    return -model.entropy_x - model.k_x - (lam - 1) * model.k_z + compute_information(model)


CLOSED_FORMS: Mapping[str, Callable[[], ClosedFormResult]] = {
    "logistic_entropy": compare_logistic_entropy,
    "vimae_equation_8": check_equation_8,
}
