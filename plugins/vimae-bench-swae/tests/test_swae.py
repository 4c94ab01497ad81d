import pytest
import torch
from vimae_bench_swae import SlicedWasserstein, sliced_wasserstein

from vimae_bench.testing import contract_tests

test_contract = contract_tests(SlicedWasserstein)


@pytest.fixture
def z() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(5000, 3, dtype=torch.float64)


def test_distance_of_two_samples_of_one_distribution_is_small(z: torch.Tensor) -> None:
    assert float(sliced_wasserstein(z, torch.randn_like(z), 200)) < 0.01


def test_a_shift_by_m_costs_its_square_over_d(z: torch.Tensor) -> None:
    m = torch.tensor([1.0, -2.0, 3.0], dtype=z.dtype)
    # <m, u>^2 has mean |m|^2/d over directions u, here 14/3, and a standard deviation of 0.9 |m|^2/d.
    assert float(sliced_wasserstein(z[:50] + m, z[:50], 20_000)) == pytest.approx(14 / 3, rel=0.03)


def test_stretching_by_s_costs_the_square_of_s_less_1(z: torch.Tensor) -> None:
    assert float(sliced_wasserstein(3 * z, z, 200)) == pytest.approx((3 - 1) ** 2, rel=0.05)


def test_the_order_of_a_sample_does_not_matter(z: torch.Tensor) -> None:
    assert float(sliced_wasserstein(z.flip(0), z, 10)) == 0.0
