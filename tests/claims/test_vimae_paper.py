"""The closed forms of the VIMAE paper."""

import numpy as np
import pytest

from vimae_bench.claims.linear_gaussian import compute_exact_encoder, compute_model_covariance, compute_quantities
from vimae_bench.claims.papers import CLOSED_FORMS
from vimae_bench.claims.papers.vimae import (
    compute_equation_8,
    compute_exact_form,
    compute_information,
    compute_objective,
)

EXACT = 1e-10


def random_model(seed: int):
    draw = np.random.default_rng(seed).normal
    factor, noise = draw(size=(6, 8)), draw(size=(2, 4))
    return compute_quantities(factor @ factor.T, draw(size=(6, 2)), 0.5, 0.3 * draw(size=(2, 6)), noise @ noise.T)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lam", [0.0, 1.0, 10.0])
def test_forms_of_the_objective_are_related_as_derived(seed: int, lam: float):
    q = random_model(seed)
    assert compute_information(q) == pytest.approx(q.i_q - q.k_post - q.k_x + q.k_z, abs=EXACT)
    objective = compute_objective(q, lam)
    assert objective == pytest.approx(compute_exact_form(q, lam), abs=EXACT)
    assert objective == pytest.approx(compute_information(q) - q.entropy_x - lam * q.k_z, abs=EXACT)
    assert objective - compute_equation_8(q, lam) == pytest.approx(q.k_x - q.k_z, abs=EXACT)


def test_equation_8_is_wrong_in_general_and_right_at_the_optimum():
    q = random_model(0)
    assert abs(compute_objective(q, 10.0) - compute_equation_8(q, 10.0)) > 0.5
    w, s2 = np.random.default_rng(0).normal(size=(6, 2)), 0.3
    optimum = compute_quantities(compute_model_covariance(w, s2), w, s2, *compute_exact_encoder(w, s2))
    assert compute_objective(optimum, 10.0) == pytest.approx(compute_equation_8(optimum, 10.0), abs=EXACT)


def test_closed_forms_state_their_values():
    (statement,) = CLOSED_FORMS["logistic_entropy"]().statements
    assert statement == "1.404576 nats per dimension against 1.418939: 0.014362 less"
    for line in CLOSED_FORMS["vimae_equation_8"]().statements:
        assert line.split("off by ")[1].split(" = ")[0] == line.split("K_x = ")[1].split(";")[0]
