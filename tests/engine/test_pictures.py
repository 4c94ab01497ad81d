import json

import numpy as np
import pytest
import torch
from torch import nn

from vimae_bench.engine import pictures
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.pictures import draw_pictures
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.plugin import BarChart, BenchError, Evaluation, Examples, ModelSpec, Objective, Splits
from vimae_bench.storage.picture_files import load_pictures, read_picture
from vimae_bench.storage.run_folder import RunFolder


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


def test_a_run_has_every_picture_or_the_reason_why_not(tmp_path):
    draw_pictures(evaluation(latent=3), tmp_path / "pictures")
    found = load_pictures(RunFolder(tmp_path))
    names = {"samples", "reconstructions", "traversals", "interpolations", "training_neighbours", "codes"}
    assert {name for name, data in found.items() if not isinstance(data, str)} == names
    assert found["latent_grid"] == "it has 3 latent dimensions, not 2"
    assert found["latent_kl"] == "its codes have no noise, so their KL is infinite"
    assert {path.stem for path in (tmp_path / "pictures").glob("*.png")} == names


def test_a_plugin_that_fails_costs_its_own_picture_alone(tmp_path, monkeypatch):
    class Broken:
        def explain_absence(self, evaluation):
            evaluation.model.train()
            return ""

        def __call__(self, evaluation):
            raise ValueError("no such luck")

    class Odd(Broken):
        def __call__(self, evaluation):
            return [1, 2]

    class Bars(Broken):
        def __call__(self, evaluation):
            return BarChart(np.array([torch.rand(()).item()]), "one bar", "x", "y", ("a",))

    made = {"broken": Broken, "odd": Odd, "bars": Bars}
    monkeypatch.setattr(pictures, "get_catalog", lambda: Names(made))
    monkeypatch.setattr(pictures, "make_plugin", lambda kind, spec: made[spec.name]())
    one, state = evaluation(), torch.get_rng_state()
    with pytest.raises(BenchError, match="'broken' failed: ValueError: no such luck; picture 'odd' failed: it gives a"):
        draw_pictures(one, tmp_path / "pictures")
    assert torch.equal(state, torch.get_rng_state())
    assert not one.model.training
    assert [*json.loads((tmp_path / "pictures" / "left-out.json").read_text())] == ["broken", "odd"]
    assert load_pictures(RunFolder(tmp_path))["broken"] == "failed: ValueError: no such luck"
    first = read_picture(tmp_path / "pictures" / "bars.npz").values
    with pytest.raises(BenchError):
        draw_pictures(one, tmp_path / "again")
    assert read_picture(tmp_path / "again" / "bars.npz").values == first


class Names:
    def __init__(self, names):
        self.names = names

    def list_names(self, kind):
        return [*self.names] if kind == "picture" else []


@pytest.mark.parametrize("labels", [0, 1, 30])
def test_any_number_of_classes_can_be_drawn(tmp_path, labels):
    draw_pictures(evaluation(labels=labels), tmp_path / "pictures")
    with np.load(tmp_path / "pictures" / "codes.npz", allow_pickle=False) as kept:
        assert ("y" in kept.files) == bool(labels)


def test_pictures_appear_all_at_once(tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(pictures, "write_reasons", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            draw_pictures(evaluation(), tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()
    draw_pictures(evaluation(), tmp_path / "pictures")
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
