from math import log

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm

from vimae_bench.functional import mutual_information_continuous, mutual_information_discrete


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9])
def test_two_normal_numbers_have_the_information_of_their_correlation(correlation):
    first, second = torch.randn(2, 5000, 1, dtype=torch.float64)
    other = correlation * first + (1 - correlation**2) ** 0.5 * second
    found = float(mutual_information_continuous(first, other).mean())
    assert found == pytest.approx(-0.5 * log(1 - correlation**2), abs=0.02)


def test_normal_vectors_have_the_information_of_their_canonical_correlations():
    x, noise = torch.randn(2, 5000, 2, dtype=torch.float64)
    rho = torch.tensor([0.8, 0.4], dtype=torch.float64)
    turned = torch.linalg.qr(torch.randn(2, 2, dtype=torch.float64)).Q
    found = float(mutual_information_continuous(x, (rho * x + (1 - rho**2).sqrt() * noise) @ turned).mean())
    assert found == pytest.approx(-0.5 * float((1 - rho**2).log().sum()), abs=0.05)


def test_neighbours_are_counted_as_kraskov_et_al_do():
    """Against loops over all pairs, of numbers so few that any miscount shows."""
    x, y = np.random.default_rng(0).standard_normal((2, 12, 1))
    k, values = 2, []
    for i in range(12):
        dx, dy = np.abs(x - x[i]).ravel(), np.abs(y - y[i]).ravel()
        radius = np.sort(np.maximum(dx, dy))[k]
        nx, ny = ((d < radius).sum() - 1 for d in (dx, dy))
        values.append(digamma(k) + digamma(12) - digamma(nx + 1) - digamma(ny + 1))
    found = mutual_information_continuous(torch.from_numpy(x), torch.from_numpy(y), k)
    assert found.numpy() == pytest.approx(np.array(values), abs=1e-12)


def test_neighbours_are_counted_as_ross_does():
    random = np.random.default_rng(0)
    z, y, k, values = random.standard_normal((15, 2)), random.integers(0, 2, 15), 3, []
    for i in range(15):
        distance = np.abs(z - z[i]).max(1)
        radius = np.sort(distance[y == y[i]])[k]
        m = (distance <= radius).sum() - 1
        values.append(digamma(15) - digamma((y == y[i]).sum()) + digamma(k) - digamma(m))
    found = mutual_information_discrete(torch.from_numpy(z), torch.from_numpy(y), k)
    assert found.numpy() == pytest.approx(np.array(values), abs=1e-12)


@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0])
def test_two_normal_classes_have_the_information_that_quadrature_gives(apart):
    y = torch.arange(6000) % 2
    z = torch.randn(6000, 1, dtype=torch.float64) + apart * y.unsqueeze(1)

    def density(x):
        return 0.5 * (norm.pdf(x) + norm.pdf(x - apart))

    entropy, _ = quad(lambda x: -density(x) * log(density(x)), -9, 9 + apart)
    expected = entropy - norm.entropy()
    assert float(mutual_information_discrete(z, y).mean()) == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize("latent", [2, 8])
def test_separated_labels_have_their_entropy(latent):
    share = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    y = torch.multinomial(share, 3000, replacement=True)
    z = torch.randn(3000, latent, dtype=torch.float64) + 100 * y.unsqueeze(1)
    found = float(mutual_information_discrete(z, y).mean())
    assert found == pytest.approx(-float((share * share.log()).sum()), abs=0.03)


def test_rare_labels_use_fewer_neighbours_and_a_single_one_gives_zero():
    y = torch.tensor([0] * 50 + [1, 1] + [2])
    z = torch.randn(53, 2, dtype=torch.float64) + 100 * y.unsqueeze(1)
    found = mutual_information_discrete(z, y)
    assert found[-1] == 0
    assert found[50:52].numpy() == pytest.approx(digamma(53) - digamma(2), abs=1e-12)


def test_scales_of_dimensions_that_all_grow_alike_change_nothing():
    z, y = torch.randn(500, 2, dtype=torch.float64), torch.arange(500) % 3
    torch.testing.assert_close(mutual_information_discrete(1000 * z, y), mutual_information_discrete(z, y))
