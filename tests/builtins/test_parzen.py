from math import log, pi

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.neighbors import KernelDensity

from vimae_bench.data.prepare import get_data_folder, open_splits
from vimae_bench.functional import estimate_mean
from vimae_bench.models import Deterministic, Gaussian
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_builtin.datasets.torchvision_sets import Mnist
from vimae_builtin.metrics.parzen import (
    WIDTHS,
    Parzen,
    blur,
    compute_scores,
    log_density,
    score_sets,
    split_sets,
    squared_distances,
)

SHAPE = (1, 8, 8)
PIXELS = 64


def images(n: int, seed: int) -> np.ndarray:
    """Smooth patterns of one distribution with noise on every pixel, bytes [n, 1, 8, 8]."""
    draw = np.random.default_rng(seed)
    smooth = gaussian_filter(draw.normal(size=(n, 8, 8)), (0, 3, 3))
    x = 0.5 + 1.5 * smooth + 0.1 * draw.normal(size=(n, 8, 8))
    return (255 * x.clip(0, 1)).astype(np.uint8).reshape(n, *SHAPE)


def test_one_kernel_has_the_closed_form():
    s, t, x = 0.2, 0.3, 0.3 * torch.randn(4000, 50)
    nll = estimate_mean(-log_density(x, torch.zeros(1, 50), (s,))[0])
    assert nll.value == pytest.approx(25 * log(2 * pi * s**2) + 50 * t**2 / (2 * s**2), abs=4 * nll.se)
    exact = 25 * log(2 * pi * s**2) + x.double().square().sum(1).mean() / (2 * s**2)
    assert nll.value == pytest.approx(float(exact), abs=1e-10)


def test_many_kernels_from_a_normal_law_are_its_convolution():
    s, kernels, x = 0.25, torch.randn(200_000, 1), torch.randn(100, 1)
    expected = 0.5 * log(2 * pi * (1 + s**2)) + x.double().square() / (2 * (1 + s**2))
    found = -log_density(x, kernels, (s,))[0]
    assert float((found - expected[:, 0]).mean()) == pytest.approx(0, abs=0.01)
    assert float(expected.mean()) == pytest.approx(0.5 * log(2 * pi * (1 + s**2)) + 1 / (2 * (1 + s**2)), abs=0.25)


def test_other_units_add_d_log_a():
    x, kernels, a = torch.rand(40, 30), torch.rand(300, 30), 2.0
    near, far = log_density(x, kernels, (0.1, 0.4)), log_density(a * x, a * kernels, (a * 0.1, a * 0.4))
    torch.testing.assert_close(-far, -near + 30 * log(a), atol=1e-9, rtol=0)


def test_every_width_agrees_with_scikit_learn():
    x, kernels = torch.rand(300, 3), torch.rand(1500, 3)  # more than one block of each
    found = log_density(x, kernels, (0.05, 0.5))
    for s, row in zip((0.05, 0.5), found, strict=True):
        reference = KernelDensity(bandwidth=s, rtol=1e-12).fit(kernels.double().numpy())
        np.testing.assert_allclose(row.numpy(), reference.score_samples(x.double().numpy()), atol=1e-8)


def test_distances_do_not_cancel():
    x = torch.rand(260, 784)
    y = torch.cat([x + 1e-3 * torch.randn_like(x), torch.rand(1000, 784)])
    exact = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    torch.testing.assert_close(squared_distances(x, y), exact, atol=1e-10, rtol=1e-10)


def test_far_images_have_a_density():
    assert bool(log_density(torch.ones(2, 784), torch.zeros(5, 784), (0.05,)).isfinite().all())


def test_the_width_is_the_best_for_validation_images_and_not_for_test_images():
    draw = torch.Generator().manual_seed(0)
    generated = torch.rand(500, 20, generator=draw)
    held_out = generated[:200] + 0.1 * torch.randn(200, 20, generator=draw)
    test = generated[200:400] + 0.3 * torch.randn(200, 20, generator=draw)
    by_hand = [float(log_density(held_out, generated, (s,)).mean()) for s in WIDTHS]
    found = compute_scores(held_out, test, generated, split_sets(generated))
    width = found["parzen width"].value
    assert width == WIDTHS[int(np.argmax(by_hand))] == pytest.approx(0.1, abs=0.011)
    assert found["nll_parzen_cv"] == estimate_mean(-log_density(test, generated, (width,))[0])
    # The width of the other images would have scored better, and must not have been taken.
    assert float(-log_density(test, generated, (0.3,)).mean()) < found["nll_parzen_cv"].value - 1


def test_without_validation_images_each_half_is_scored_at_the_width_of_the_other():
    draw = torch.Generator().manual_seed(0)
    generated, none = torch.rand(400, 20, generator=draw), torch.empty(0, 20)
    test = generated[:201].clone()
    test[0::2] += 0.1 * torch.randn(101, 20, generator=draw)
    test[1::2] += 0.4 * torch.randn(100, 20, generator=draw)
    narrow, wide = (WIDTHS[int(log_density(test[h::2], generated, WIDTHS).mean(1).argmax())] for h in (0, 1))
    assert wide - narrow > 0.1
    found = compute_scores(none, test, generated, split_sets(generated))
    crossed = [log_density(test[h::2], generated, (s,)) for h, s in ((0, wide), (1, narrow))]
    assert found["nll_parzen_cv"].value == pytest.approx(-float(torch.cat(crossed, 1).mean()), abs=1e-9)
    assert found["nll_parzen_cv"].n == 201
    assert found["parzen width"].value == pytest.approx((narrow + wide) / 2)


def test_a_thousand_images_of_each_half_choose_the_width_of_the_other(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    generated, none = torch.rand(400, 20, generator=draw), torch.empty(0, 20)
    test = generated[torch.arange(400) % 200] + 0.2 * torch.randn(400, 20, generator=draw)
    every = compute_scores(none, test, generated, split_sets(generated))["nll_parzen_cv"]
    monkeypatch.setattr("vimae_builtin.metrics.parzen.HELD_OUT", 50)
    some = compute_scores(none, test, generated, split_sets(generated))
    widths = [WIDTHS[int(log_density(test[h::2][:50], generated, WIDTHS).mean(1).argmax())] for h in (0, 1)]
    assert some["parzen width"].value == pytest.approx(sum(widths) / 2)
    assert some["nll_parzen_cv"].value == pytest.approx(every.value, abs=every.se)


def test_the_density_at_several_widths_is_that_at_each():
    draw = torch.Generator().manual_seed(0)
    x, kernels = torch.rand(30, 50, generator=draw), torch.rand(300, 50, generator=draw)
    together = log_density(x, kernels, WIDTHS)
    apart = torch.cat([log_density(x, kernels, (s,)) for s in WIDTHS])
    assert torch.allclose(together, apart, rtol=0, atol=1e-9)


def test_the_cheap_reading_is_a_mean_over_sets_of_a_hundred():
    x, generated = torch.rand(50, 30), torch.rand(350, 30)
    found = score_sets(x, split_sets(generated))
    by_hand = torch.stack([-log_density(x, generated[i : i + 100], (0.1,))[0] for i in (0, 100, 200)])
    assert found.value == pytest.approx(float(by_hand.mean()), abs=1e-10)
    assert found.n == 50
    assert found.per_draw == pytest.approx(by_hand.mean(1).tolist())


def test_its_standard_error_is_the_spread_over_images_and_sets():
    values = [score_sets(0.3 * torch.randn(60, 4), 0.3 * torch.randn(10, 100, 4)) for _ in range(150)]
    spread = np.std([value.value for value in values])
    assert np.mean([value.se for value in values]) == pytest.approx(spread, rel=0.25)


def test_the_metric_scores_what_the_model_generates(linear_evaluation):
    """A decoder W z + b over N(0, I): normal kernels, whose score is known up to their number."""
    weight, bias, s = 0.1 * torch.randn(PIXELS, 2), torch.full((PIXELS,), 0.5), 0.1
    heads = [(torch.zeros(2, PIXELS), torch.zeros(2))]
    evaluation = linear_evaluation(images(400, 0), Deterministic(), heads, decoder=(weight, bias))
    found = Parzen(samples=2000, images=400)(evaluation)
    x = torch.cat(list(evaluation.images("test"))).flatten(1).double() - 0.5
    covariance = (weight @ weight.T + s**2 * torch.eye(PIXELS)).double()
    distribution = torch.distributions.MultivariateNormal(torch.zeros(PIXELS, dtype=torch.float64), covariance)
    kernels = evaluation.generate(2000).flatten(1)
    by_hand = log_density((x + 0.5).float(), kernels, (s,))
    assert float(by_hand.mean()) == pytest.approx(float(distribution.log_prob(x).mean()), rel=0.02)
    assert found["nll_parzen_cv"].value <= -float(by_hand.mean()) + 1e-6  # validation and test images are the same
    assert found["nll_parzen_cv"].n == 400


@pytest.mark.parametrize("source", ["gaussian", "mixture", "chain"])
def test_other_sources_have_measures_of_their_own(linear_evaluation, constant_heads, noise_images, source):
    heads = constant_heads(PIXELS, [2.0, 0.0], [0.1, 0.1])
    evaluation = linear_evaluation(
        noise_images(200, SHAPE), Gaussian(), heads, decoder=(torch.rand(PIXELS, 2), torch.rand(PIXELS))
    )
    metric = Parzen(samples=100, images=50, sources=("prior", source))
    found = metric(evaluation)
    assert set(found) == {measure.name for measure in metric.measures()}
    generated = evaluation.generate(100, source).flatten(1)
    selected = metric._select_images(evaluation.splits, "invented", evaluation.device)
    alone = compute_scores(*selected, generated, evaluation.generate(100, source, 0).flatten(1)[None])
    for name in ("nll_parzen_cv", "nll_parzen_s01_n100"):
        assert found[f"{name} {source}"] == alone[name] != found[name]


def test_blurred_images_beat_the_real_ones_and_the_rows_show_it():
    """The pitfall of the measure, on images whose fine detail does not repeat."""
    train, test = images(600, 1), images(300, 2)
    splits = Splits(Examples(train, None), Examples(images(300, 3), None), Examples(test, None))
    rows = Parzen(samples=600).references(splits, ModelSpec(SHAPE, 2), "invented")
    real, blurry, mean = (row["nll_parzen_cv"].value for row in rows.values())
    assert list(rows) == ["training images", "training images blurred by 1.2 px", "mean training image"]
    assert blurry < real - 5
    (kernel,) = {e.n for row in rows.values() for name, e in row.items() if name != "parzen width"}
    assert kernel == 300
    x = torch.from_numpy(test).flatten(1).double() / 255
    centre = torch.from_numpy(train).flatten(1).double().mean(0) / 255
    width = rows["mean training image"]["parzen width"].value
    exact = PIXELS / 2 * log(2 * pi * width**2) + (x - centre).square().sum(1).mean() / (2 * width**2)
    assert mean == pytest.approx(float(exact), abs=1e-3)


def test_the_blur_is_a_gaussian_of_1_2_pixels_that_stays_within_an_image():
    x = torch.zeros(3, 2, 31, 31)
    x[1, 0, 15, 15] = 1
    out = blur(x).double()
    assert out[0].abs().max() == out[1, 1].abs().max() == 0
    place = torch.arange(31, dtype=torch.float64) - 15
    across = out[1, 0].sum(0)
    assert float(across.sum()) == pytest.approx(1, abs=1e-5)
    assert float((across * place.square()).sum()) == pytest.approx(1.2**2, rel=0.02)


def test_all_methods_meet_the_same_images_and_fewer_are_among_more(linear_evaluation):
    heads = [(torch.zeros(2, PIXELS), torch.zeros(2))]
    one, other = (linear_evaluation(images(100, 0), Deterministic(), heads, seed=seed) for seed in (0, 1))
    scored = [Parzen(images=n)._select_images(t.splits, t.dataset, t.device)[1] for t, n in ((one, 60), (other, 40))]
    assert torch.equal(scored[0][:40], scored[1])
    assert len(torch.unique(scored[0], dim=0)) == 60


@pytest.mark.slow
@pytest.mark.realdata
def test_training_images_of_mnist_have_the_published_score():
    """About 240 nats, which is printed for training images instead of samples, at a width of 0.17."""
    if not (get_data_folder() / "mnist").exists():
        pytest.skip(f"there is no mnist in {get_data_folder()}; set VIMAE_BENCH_DATA to a folder that holds it")
    rows = Parzen(images=2000).references(open_splits(Mnist(), get_data_folder()), ModelSpec((1, 28, 28), 2), "mnist")
    found = rows["training images"]
    assert found["nll_parzen_cv"].value == pytest.approx(-240, abs=15)
    assert found["parzen width"].value == pytest.approx(0.17, abs=0.021)
    assert rows["training images blurred by 1.2 px"]["nll_parzen_cv"].value < found["nll_parzen_cv"].value - 10
