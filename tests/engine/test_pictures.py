from math import log, pi

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vimae_bench.engine import pictures
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.pictures import compute_prior_levels, compute_prior_outline, draw_pictures, to_uint8
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.plugin import Evaluation, Examples, ModelSpec, Objective, Splits
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform

HISTORY = [{"epoch": e, "terms": {"total": 3.0 / e, "sse": 2.0 / e, r"a $\dear$ term": 1.0}} for e in (1, 2, 3)]


class Plain(Objective):
    def posterior(self):
        return Deterministic()

    def __call__(self, model, batch):
        raise NotImplementedError("nothing is trained here")


class Negative:
    """Codes are the first pixels; the decoder gives white for a code of 0 and darker images for brighter pixels."""

    def encoder(self, spec, _):
        return Heads(spec.latent)

    def decoder(self, spec):
        return Inverted(spec)


class Heads(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.latent = latent

    def forward(self, x):
        return (x.flatten(1)[:, : self.latent],)


class Inverted(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.spec = spec

    def forward(self, z):
        first = z[:, :1] if self.spec.pixel_range == "unit" else (z[:, :1] + 1) / 2
        image = (1 - first).expand(-1, self.spec.input_size).unflatten(1, self.spec.shape)
        return image if self.spec.pixel_range == "unit" else image * 2 - 1


def evaluation(n=60, latent=2, shape=(1, 8, 8), labels=10, prior=None, pixel_range="unit"):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (n, 1, 1, 1), dtype=np.uint8)
    test = Examples(np.broadcast_to(grey, (n, *shape)).copy(), np.arange(n) % labels if labels else None)
    model = make_autoencoder(ModelSpec(shape, latent, pixel_range), Negative(), prior or StandardNormal, Plain(), 0)
    return Evaluation(model.eval(), Splits(test, test, test), "greys", 0, torch.device("cpu"))


def entries(path, size, columns=10):
    """The value of each (uniform) image of a picture, row by row."""
    pixels = np.asarray(Image.open(path))
    rows = [pixels[top : top + size] for top in range(0, len(pixels), size + 2)]
    found = [[row[:, left : left + size] for left in range(0, columns * (size + 2), size + 2)] for row in rows]
    assert all((image == image[0, 0]).all() for row in found for image in row)
    return np.array([[image[0, 0] for image in row] for row in found])


def test_values_beyond_black_and_white_are_cut_off():
    assert to_uint8(torch.tensor([-0.5, 0.5, 1.5]).view(1, 1, 1, 3)).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("pixel_range", ["unit", "sym"])
def test_originals_from_all_of_the_test_split_are_in_the_odd_rows_and_reconstructions_below_them(tmp_path, pixel_range):
    one = evaluation(pixel_range=pixel_range)
    draw_pictures(one, HISTORY, tmp_path / "pictures")
    found = entries(tmp_path / "pictures" / "reconstructions.png", 64)
    spread = np.linspace(0, len(one.splits.test) - 1, 50).astype(int)
    originals = one.splits.test.x[spread, 0, 0, 0].reshape(5, 10)
    assert (found[0::2] == originals).all()
    assert (found[1::2] == 255 - originals).all()


def test_fewer_images_than_a_row_make_a_shorter_row(tmp_path):
    draw_pictures(evaluation(n=7), HISTORY, tmp_path / "pictures")
    assert entries(tmp_path / "pictures" / "reconstructions.png", 64, columns=7).shape == (2, 7)


def test_samples_are_decoded_draws_of_the_models_own_prior(tmp_path):
    class Brighter(StandardNormal):
        def sample(self, n):
            return super().sample(n).clamp(0.4, 0.6)

    draw_pictures(evaluation(latent=3, prior=Brighter), HISTORY, tmp_path / "pictures")
    found = entries(tmp_path / "pictures" / "samples.png", 64)
    assert found.shape == (10, 10)
    assert 0.4 * 255 - 1 <= found.min() < found.max() <= 0.6 * 255 + 1


def read_size(path):
    with Image.open(path) as image:
        return image.size


def test_codes_in_two_dimensions_are_drawn_and_saved(tmp_path):
    one = evaluation()
    draw_pictures(one, HISTORY, tmp_path / "pictures")
    with np.load(tmp_path / "pictures" / "codes.npz", allow_pickle=False) as kept:
        assert kept["z"].dtype == np.float16
        assert np.allclose(kept["z"], one.posterior_samples("test"), atol=1e-3)
        assert (kept["y"] == one.splits.test.y).all()
    assert read_size(tmp_path / "pictures" / "codes.png") == (600, 600)


def test_other_dimensions_have_no_picture_of_codes(tmp_path):
    draw_pictures(evaluation(latent=3), HISTORY, tmp_path / "pictures")
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {"reconstructions.png", "samples.png", "losses.png"}


@pytest.mark.parametrize("labels", [0, 1, 30])
def test_any_number_of_classes_can_be_drawn(tmp_path, labels):
    draw_pictures(evaluation(labels=labels), [], tmp_path / "pictures")
    with np.load(tmp_path / "pictures" / "codes.npz", allow_pickle=False) as kept:
        assert ("y" in kept.files) == bool(labels)


def test_there_is_a_curve_for_each_term_and_none_without_a_history(tmp_path):
    draw_pictures(evaluation(), HISTORY, tmp_path / "three")
    draw_pictures(evaluation(), [{"epoch": 1, "terms": {"total": 1.0}}], tmp_path / "one")
    draw_pictures(evaluation(), [], tmp_path / "none")
    assert read_size(tmp_path / "three" / "losses.png")[0] == 3 * read_size(tmp_path / "one" / "losses.png")[0]
    assert not (tmp_path / "none" / "losses.png").exists()


def test_the_outline_of_a_standard_normal_prior_is_its_three_circles():
    radii = [(-2 * (level + log(2 * pi))) ** 0.5 for level in compute_prior_levels(evaluation())]
    assert radii == pytest.approx([3, 2, 1], abs=0.04)  # four standard errors of the outermost


def test_the_outline_of_any_prior_holds_the_mass_it_says():
    one = evaluation(prior=StandardLogistic)
    log_p = one.model.prior.log_prob(one.model.prior.sample(20_000))
    for level, mass in zip(compute_prior_levels(one), (0.98889, 0.86466, 0.39347), strict=True):
        # Both the level and the mass are estimated, from 100,000 and 20,000 draws.
        assert abs((log_p > level).float().mean() - mass) < 4 * (mass * (1 - mass) * (1e-5 + 5e-5)) ** 0.5


def test_pictures_appear_all_at_once(tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(pictures, "_draw_losses", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            draw_pictures(evaluation(), HISTORY, tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()
    draw_pictures(evaluation(), HISTORY, tmp_path / "pictures")
    assert len([*(tmp_path / "pictures").iterdir()]) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_the_outline_of_a_standard_normal_prior_is_the_circle_of_its_densest_95_percent():
    outline = compute_prior_outline(evaluation())
    radii = np.hypot(*outline[np.isfinite(outline).all(1)].T)
    assert radii == pytest.approx((-2 * log(0.05)) ** 0.5, abs=0.04)


def test_the_outline_of_a_logistic_prior_is_no_circle():
    """Its density is the same all along, and is further out along the axes than between them."""
    one = evaluation(prior=StandardLogistic)
    outline = torch.from_numpy(compute_prior_outline(one))
    outline = outline[outline.isfinite().all(1)]
    log_p, draws = one.model.prior.log_prob(outline), one.model.prior.log_prob(one.model.prior.sample(50_000))
    assert float(log_p.max() - log_p.min()) < 0.05
    assert float((draws > log_p.mean()).double().mean()) == pytest.approx(0.95, abs=0.005)
    assert outline.norm(dim=1).max() > 1.1 * outline.norm(dim=1).min()


def test_the_outline_of_a_uniform_prior_is_its_square():
    outline = compute_prior_outline(evaluation(prior=StandardUniform))
    reach = np.abs(outline[np.isfinite(outline).all(1)]).max(1)
    assert reach == pytest.approx(3**0.5, rel=0.03)
