"""Claims that are settled by computing, without any run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import e, log, pi, sqrt


@dataclass(frozen=True)
class ClosedFormResult:
    """Whether what was claimed holds, and the figures that show it, as sentences."""

    holds: bool
    statements: tuple[str, ...]


def logistic_entropy() -> ClosedFormResult:
    """A logistic law of unit variance has less entropy than a normal one.

    h = 2 + log s for a logistic law of scale s, whose variance is (pi s)^2 / 3; h = log(2 pi e) / 2 for N(0, 1).
    """
    logistic, normal = 2 + log(sqrt(3) / pi), log(2 * pi * e) / 2
    said = f"{logistic:.6f} nats per dimension against {normal:.6f}: {normal - logistic:.6f} less"
    return ClosedFormResult(logistic < normal, (said,))


def vimae_equation_8() -> ClosedFormResult:
    """Eq. 8 of 1905.10549, put beside the objective it rewrites, for three linear-Gaussian autoencoders at random.

    With D = 6, d = 2 and lambda = 10, in nats, and with the constant h(X) that the printed form leaves out put in.
    """
    import numpy as np

    from ..functional.linear_gaussian import compute_quantities

    said, gaps = list[str](), list[float]()
    for seed in range(3):
        draw = np.random.default_rng(seed).normal
        factor, noise = draw(size=(6, 6)), draw(size=(2, 2))
        found = compute_quantities(
            factor @ factor.T + np.eye(6), draw(size=(6, 2)), 0.5, 0.3 * draw(size=(2, 6)), noise @ noise.T + np.eye(2)
        )
        objective, printed, exact = found.vim(10.0), found.vim_printed(10.0), found.vim_exact(10.0)
        gaps.append(abs(printed - objective))
        said.append(
            f"model {seed + 1}: objective {objective:.3f}, eq. 8 as printed {printed:.3f}, off by "
            f"{printed - objective:.3f} = K_z - K_x = {found.k_z - found.k_x:.3f}; exact form {exact:.3f}"
        )
    return ClosedFormResult(max(gaps) < 1e-6, tuple(said))


CLOSED_FORMS: Mapping[str, Callable[[], ClosedFormResult]] = {
    "logistic_entropy": logistic_entropy,
    "vimae_equation_8": vimae_equation_8,
}
