import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from helpers.divergences import compute_divergence
from vimae_bench.models import StandardNormal
from vimae_bench.testing import check_divergence
from vimae_builtin.divergences.sliced_wasserstein import SlicedWasserstein


class Given(StandardNormal):
    """Draws that are given."""

    def __init__(self, draws: Tensor):
        super().__init__(draws.shape[1])
        self.draws = draws

    def sample(self, n: int) -> Tensor:
        assert n == len(self.draws)
        return self.draws


def test_in_one_dimension_it_is_the_cost_of_the_best_matching():
    z, p = torch.randn(40, 1, dtype=torch.float64) * 2 + 1, torch.randn(40, 1, dtype=torch.float64)
    costs = (z - p.T).square().numpy()
    rows, columns = linear_sum_assignment(costs)
    found = compute_divergence(SlicedWasserstein(3), z, Given(p)).item()
    assert found == pytest.approx(costs[rows, columns].mean(), rel=1e-9)


def test_a_shift_costs_its_square_along_a_random_direction():
    """Translated codes: (m . theta)^2 on each line, with mean |m|^2/d over the sphere and no error of sampling."""
    p, m = torch.randn(50, 4, dtype=torch.float64), torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    values = torch.stack([compute_divergence(SlicedWasserstein(500), p + m, Given(p)) for _ in range(40)])
    error = values.std().item() / 40**0.5
    assert values.mean().item() == pytest.approx(m.square().sum().item() / 4, abs=4 * error)
    assert error < 0.05


@pytest.mark.parametrize(("mean", "std"), [(0.0, 2.0), (1.0, 0.5)])
def test_finds_the_known_distance_of_two_gaussians(mean, std):
    z = mean + std * torch.randn(5_000, 3)
    exact = mean**2 + (std - 1) ** 2  # |m|^2/d + (s - 1)^2
    values = torch.stack([compute_divergence(SlicedWasserstein(50), z, StandardNormal(3)) for _ in range(4)])
    assert values.mean().item() == pytest.approx(exact, rel=0.06)


def test_its_bias_falls_with_the_size_of_the_sample():
    divergence, prior = SlicedWasserstein(), StandardNormal(2)
    means = [
        torch.stack([compute_divergence(divergence, torch.randn(n, 2), prior) for _ in range(40)]).mean().item()
        for n in (25, 100, 400)
    ]
    assert 0 < 2 * means[2] < means[1] < means[0] / 2


def test_gradient_is_that_of_the_distance():
    z, p = torch.randn(6, 2, dtype=torch.float64, requires_grad=True), torch.randn(6, 2, dtype=torch.float64)

    def along_the_same_lines(z: Tensor) -> Tensor:
        torch.manual_seed(5)
        return compute_divergence(SlicedWasserstein(4), z, Given(p))

    assert torch.autograd.gradcheck(along_the_same_lines, (z,))


def test_plugin_passes_its_checks():
    check_divergence(SlicedWasserstein())
