import torch

from vimae_bench.models import Deterministic, Gaussian
from vimae_builtin.metrics.active_units import ActiveUnits

PIXELS = 4


def make_scaled(*scales: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A head whose k-th unit is the first pixel, a uniform number of variance 1/12, times the k-th scale."""
    weight = torch.zeros(len(scales), PIXELS)
    weight[:, 0] = torch.tensor(scales)
    return weight, torch.ones(len(scales))


def test_units_whose_mean_moves_are_counted(linear_evaluation, noise_images):
    evaluation = linear_evaluation(
        noise_images(1000), Deterministic(), [make_scaled(0.0, 0.3, 0.4, 3.0)]
    )  # variances 0, .0075, .0133, .75
    found = ActiveUnits()(evaluation)
    assert found["active units"].value == 2
    assert "active units by kl" not in found
    assert ActiveUnits(threshold=0.005)(evaluation)["active units"].value == 3


def test_units_that_cost_nats_are_counted_though_they_may_not_move(linear_evaluation, noise_images):
    mean = (torch.zeros(3, PIXELS), torch.tensor([0.0, 0.0, 0.3]))  # KL 0, 0.5 (exp l - 1 - l) with l = -1, 0.045
    log_variance = (torch.zeros(3, PIXELS), torch.tensor([0.0, -1.0, 0.0]))
    found = ActiveUnits()(linear_evaluation(noise_images(100), Gaussian(), [mean, log_variance]))
    assert found["active units"].value == 0
    assert found["active units by kl"].value == 2
    assert (
        ActiveUnits(threshold=0.1)(linear_evaluation(noise_images(100), Gaussian(), [mean, log_variance]))[
            "active units by kl"
        ].value
        == 1
    )
