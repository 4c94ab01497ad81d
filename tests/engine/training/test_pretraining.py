"""Codes are brought near the prior before the first epoch."""

import torch

from helpers.step_factories import flatten_weights, make_images, make_method_step
from vimae_bench.engine.training.loop import draw_batches, train_model
from vimae_bench.engine.training.pretraining import LOSS_THRESHOLD, moment_distance, pretrain_encoder
from vimae_bench.execution import Training
from vimae_bench.storage.run_folder import RunFolder

TRAINING = Training(epochs=1, batch=50, pretraining=200, pretraining_batch=500)


def distance(step):
    q = step.model.encode(step.gather_images(torch.arange(500)))
    return float(moment_distance(q.rsample(), torch.randn(500, 3)).detach())


def test_the_distance_of_moments_is_that_of_its_definition():
    z, p = torch.randn(400, 3, dtype=torch.float64), 2 * torch.randn(400, 3, dtype=torch.float64) + 1
    means = sum((z[:, k].mean() - p[:, k].mean()) ** 2 for k in range(3)) / 3
    covariances = [
        [(x[:, i] - x[:, i].mean()) @ (x[:, j] - x[:, j].mean()) / 399 for j in range(3)]
        for i in range(3)
        for x in (z, p)
    ]
    pairs = zip(covariances[::2], covariances[1::2], strict=True)
    expected = means + sum((a - b) ** 2 for one, other in pairs for a, b in zip(one, other, strict=True)) / 9
    torch.testing.assert_close(moment_distance(z, p), expected)
    assert moment_distance(z[:, :1], p[:, :1]).shape == ()


def test_the_encoder_alone_is_trained_until_its_codes_are_near():
    step = make_method_step("AE")
    with torch.no_grad():
        step.model.encoder[-1][0].weight.mul_(200)  # far from the prior
    before = {name: value.clone() for name, value in step.model.state_dict().items()}
    assert distance(step) > 3 * LOSS_THRESHOLD
    done = pretrain_encoder(step.model, step, TRAINING, seed=0)
    assert 0 < done < 200
    assert distance(step) < 3 * LOSS_THRESHOLD
    moved = {
        name.split(".")[0] for name, value in step.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"encoder"}


def test_it_is_off_unless_asked_for_and_follows_from_the_seed(tmp_path):
    step = make_method_step("AE")
    before = flatten_weights(step)
    assert pretrain_encoder(step.model, step, Training(), seed=0) == 0
    assert torch.equal(flatten_weights(step), before)
    ends = []
    for name in "ab":
        step = make_method_step("AE")
        train_model(step.model, step.objective, TRAINING, make_images(), 0, RunFolder(tmp_path / name))
        ends.append(flatten_weights(step))
    assert torch.equal(*ends)


def test_batches_drawn_each_by_itself_hold_no_image_twice_and_are_no_permutation():
    choice = Training(batch=100, sampling="choice")
    found = draw_batches(1000, choice, seed=0, epoch=1)
    assert found.shape == (10, 100)
    assert all(len(batch.unique()) == 100 for batch in found)
    assert len(found.unique()) < 1000
    assert torch.equal(found, draw_batches(1000, choice, 0, 1))
    assert not torch.equal(found, draw_batches(1000, choice, 0, 2))
    assert len(draw_batches(1000, Training(batch=100), 0, 1).unique()) == 1000
