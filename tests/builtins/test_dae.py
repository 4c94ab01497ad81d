import numpy as np
import pytest
import torch

from vimae_bench.data import Corruption
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.functional import squared_error
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.dae import DenoisingAutoencoder, corrupt

SPEC = ModelSpec((3, 4, 4), 2)
START = torch.tensor(0.0)
NAMES = ["gauss_0.2", "mask_0.3", "mask_pixel_0.3"]


@pytest.mark.parametrize("name", NAMES)
def test_corruption_has_the_distribution_of_the_robustness_metrics(name):
    """Means, deviations and the share of untouched entries agree with the corruption in NumPy over 600,000 entries."""
    x, corruption = torch.rand(200, 3, 32, 32).clamp(min=0.01), Corruption.parse(name)
    ours = corrupt(x, corruption, "unit") - x
    theirs = torch.from_numpy(corruption(x.numpy(), np.random.default_rng(0))) - x
    for statistic in (torch.mean, torch.std, lambda e: (e == 0).float().mean(), lambda e: e.std(1).mean()):
        assert statistic(ours).item() == pytest.approx(statistic(theirs).item(), abs=3e-3)
    assert not torch.equal(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_levels_and_black_are_meant_in_unit_pixels_whatever_the_network_sees(name):
    x, corruption, seen = torch.rand(5, *SPEC.shape), Corruption.parse(name), []
    for pixels, pixel_range in ((x, "unit"), (2 * x - 1, "sym")):
        torch.manual_seed(4)
        seen.append(corrupt(pixels, corruption, pixel_range))
    torch.testing.assert_close(seen[1], 2 * seen[0] - 1)
    assert not torch.equal(seen[0], x)


def test_a_masked_entry_is_black_and_gaussian_noise_is_not_clipped():
    x = torch.rand(50, 3, 8, 8).clamp(0.01, 0.99)
    masked = corrupt(2 * x - 1, Corruption.parse("mask_0.5"), "sym")
    changed = masked != 2 * x - 1
    assert masked[changed].unique().tolist() == [-1]
    assert changed.float().mean().item() == pytest.approx(0.5, abs=0.02)
    noised = corrupt(x, Corruption.parse("gauss_0.4"), "unit")
    assert noised.min() < 0
    assert noised.max() > 1


def test_a_pixel_mask_takes_all_channels():
    black = corrupt(torch.ones(50, 3, 8, 8), Corruption.parse("mask_pixel_0.5"), "unit") == 0
    assert torch.equal(black.any(1), black.all(1))
    assert 0.4 < black.float().mean() < 0.6


@pytest.mark.parametrize("pixel_range", ["unit", "sym"])
def test_corrupted_image_is_encoded_and_clean_image_compared(linear, pixel_range):
    objective, spec = DenoisingAutoencoder("mask_0.4", 0.3), ModelSpec((3, 4, 4), 2, pixel_range)
    model, x = make_autoencoder(spec, linear, StandardNormal, objective, seed=0), torch.rand(9, *SPEC.shape)
    torch.manual_seed(5)
    loss = objective(model, Batch(x, START, len(x)))
    torch.manual_seed(5)
    damaged = x.clone()
    damaged[torch.rand(x.shape) < 0.4] = 0 if pixel_range == "unit" else -1
    sse = squared_error(x, model.decode(model.encoder(damaged)[0])).mean()
    torch.testing.assert_close(loss.terms["sse"], sse)
    torch.testing.assert_close(loss.total, 0.3 * sse)


def test_without_corruption_it_is_the_plain_autoencoder(linear):
    batch = Batch(torch.rand(9, *SPEC.shape), START, 9)
    model = make_autoencoder(SPEC, linear, StandardNormal, PlainAutoencoder(), seed=0)
    assert DenoisingAutoencoder("clean", 0.7)(model, batch).total == PlainAutoencoder(0.7)(model, batch).total


def test_the_code_is_without_noise_at_evaluation():
    model, x = (
        make_autoencoder(SPEC, MLP((8,)), StandardNormal, DenoisingAutoencoder(), 0).eval(),
        torch.rand(3, *SPEC.shape),
    )
    assert torch.equal(model.encode(x).rsample(), model.encode(x).mean)
    assert torch.equal(model.encode(x).mean, model.encoder(x)[0])


def test_unknown_corruption_is_refused():
    with pytest.raises(ValueError, match="no corruption 'blur_1'"):
        DenoisingAutoencoder("blur_1")


def test_a_linear_one_trained_to_the_end_is_a_wiener_filter(linear):
    """On Gaussian data under noise of variance v: sum of e v / (e + v) over the d largest eigenvalues e, plus the rest.

    It is the best linear estimate of rank d of the clean image from the damaged one.
    """
    eigenvalues, v = torch.tensor([4.0, 2.0, 0.5, 0.1, 0.02, 0.02]), 0.25
    spec, objective = ModelSpec((1, 2, 3), 2), DenoisingAutoencoder("gauss_0.5")
    model = make_autoencoder(spec, linear, StandardNormal, objective, seed=0)
    basis = torch.linalg.qr(torch.randn(6, 6)).Q * eigenvalues.sqrt()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps=600)
    for _ in range(600):
        optimiser.zero_grad()
        x = (torch.randn(256, 6) @ basis.T).reshape(-1, *spec.shape)
        objective(model, Batch(x, START, len(x))).total.backward()
        optimiser.step()
        schedule.step()
    x = (torch.randn(200_000, 6) @ basis.T).reshape(-1, *spec.shape)
    with torch.no_grad():
        found = objective(model, Batch(x, START, len(x))).terms["sse"].item()
    kept, rest = eigenvalues[:2], eigenvalues[2:]
    assert found == pytest.approx((kept * v / (kept + v)).sum().item() + rest.sum().item(), rel=0.02)
