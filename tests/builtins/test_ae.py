import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.functional import squared_error
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.objectives.ae import PlainAutoencoder

SPEC = ModelSpec((1, 4, 4), 2)
START = torch.tensor(0.0)


def test_loss_is_the_scaled_squared_error_summed_over_pixels_and_averaged_over_images(linear):
    objective, x = PlainAutoencoder(recon_scale=0.05), torch.rand(6, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    loss = objective(model, Batch(x, START, len(x)))
    xhat = model.decode(model.encode(x).mean)
    by_hand = sum(((x[i] - xhat[i]) ** 2).sum() for i in range(6)) / 6
    torch.testing.assert_close(loss.terms["sse"], by_hand)
    torch.testing.assert_close(loss.total, 0.05 * by_hand)


def test_twice_the_pixels_are_twice_the_error():
    x, xhat = torch.rand(3, 1, 4, 4), torch.rand(3, 1, 4, 4)
    tiled = squared_error(torch.cat([x, x], 3), torch.cat([xhat, xhat], 3))
    torch.testing.assert_close(tiled, 2 * squared_error(x, xhat))


def test_a_batch_given_twice_has_the_same_loss(linear):
    objective, x = PlainAutoencoder(), torch.rand(6, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    once, twice = (objective(model, Batch(batch, START, len(batch))).total for batch in (x, torch.cat([x, x])))
    torch.testing.assert_close(once, twice)


def test_there_is_no_noise(linear):
    objective, batch = PlainAutoencoder(), Batch(torch.rand(6, *SPEC.shape), START, 6)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    assert objective(model, batch).total == objective(model, batch).total


def test_error_is_summed_in_float32_under_autocast():
    x, xhat = torch.rand(2, 1, 28, 28), torch.rand(2, 1, 28, 28).bfloat16()
    assert squared_error(x, xhat).dtype == torch.float32
