"""FID and KID against torch-fidelity's own command line, their errors against simulation, their refusals."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch_fidelity.metric_kid import kernel_poly, mmd2

from vimae_bench.data.prepare import get_data_folder
from vimae_bench.metrics import WeightsUnavailable, load_inception
from vimae_bench.metrics.inception import WEIGHTS_VARIABLE, InceptionExtractor
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Evaluation, Examples, ModelSpec, Splits
from vimae_bench.testing import ReconstructionObjective, example_evaluation
from vimae_builtin.metrics.fid import Fid, Fid768, Kid, estimate_kernel_distance

pytestmark = pytest.mark.medium

FIDELITY = sys.executable, "-m", "torch_fidelity.fidelity"


@pytest.fixture
def given_weights(random_inception, cache, monkeypatch) -> str:
    """Random weights under the name of the Inception network's; the setting that asks for them."""
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(random_inception))
    return sha256(random_inception.read_bytes()).hexdigest()[:8]


@pytest.fixture
def cheap(monkeypatch):
    """Instead of the network: four pixels, times a number that the weights decide."""
    monkeypatch.setattr(
        InceptionExtractor,
        "__call__",
        lambda self, x, device: x.reshape(len(x), -1)[:, :4] * np.float32(1 + int(self.digest[:2], 16)),
    )


def pictures(n: int, seed: int, colours: float) -> np.ndarray:
    """Smooth pictures uint8 [n, 3, 32, 32]."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.normal(0.5, colours, (n, 3, 5, 5))).float()
    smooth = torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic")
    return (smooth * 255).round().clamp(0, 255).to(torch.uint8).numpy()


def make_evaluation(made: np.ndarray, real: np.ndarray, monkeypatch, dataset: str = "invented") -> Evaluation:
    """An evaluation that generates the images `made` and has `real` to test on."""
    monkeypatch.setattr(Evaluation, "generate", lambda _, n, *__: torch.from_numpy(made[:n]).float() / 255)
    examples = Examples(real, None)
    return Evaluation(
        example_evaluation(ReconstructionObjective(Deterministic())).model,
        Splits(*[examples] * 3),
        dataset,
        0,
        torch.device("cpu"),
    )


def save(images: np.ndarray, folder: Path) -> str:
    folder.mkdir()
    for i, x in enumerate(images):
        Image.fromarray(x.transpose(1, 2, 0)).save(folder / f"{i:05}.png")
    return str(folder)


def command_line(made: np.ndarray, real: np.ndarray, weights: Path, folder: Path, *options: str) -> dict[str, float]:
    """What torch-fidelity says of the same pictures in two folders."""
    folders = "--input1", save(made, folder / "made"), "--input2", save(real, folder / "real")
    network = "--feature-extractor", "inception-v3-compat", "--feature-extractor-weights-path", str(weights)
    how = "--json", "--silent", "--no-cache", "--cpu", "--save-cpu-ram"
    completed = subprocess.run(
        [*FIDELITY, *folders, *network, *how, *options], capture_output=True, text=True, check=True, timeout=300
    )
    return json.loads(completed.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["768", "2048"])
def test_fid_and_kid_equal_torch_fidelitys_command_line(given_weights, random_inception, tmp_path, monkeypatch, layer):
    """Of sets that are far apart: of near ones KID is a hundredth of the kernel, whose float32 then leaves 1e-6."""
    made = pictures(24, 0, 0.25)
    real = np.random.default_rng(1).integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    asked = "--fid", "--kid", "--kid-subset-size", "16", "--feature-layer-fid", layer, "--feature-layer-kid", layer
    expected = command_line(made[:20], real, random_inception, tmp_path, *asked)
    evaluation = make_evaluation(made, real, monkeypatch)
    fid, kid = (FloatFid768, Kid768) if layer == "768" else (Fid, Kid)
    (found,) = fid(weights=given_weights)(evaluation).values()
    assert found.value == pytest.approx(expected["frechet_inception_distance"], rel=1e-6)
    found = kid(weights=given_weights, subset_size=16)(evaluation)["kid"]
    assert found.value == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-6)
    assert found.n == 20


class Kid768(Kid):
    layer = "768"


class FloatFid768(Fid768):
    precision = "float32"


def test_kid_is_a_mean_over_subsets_and_over_all_images_the_unbiased_statistic():
    rng = np.random.default_rng(0)
    made, real = rng.standard_normal((60, 8)) + 0.5, rng.standard_normal((60, 8))
    whole = mmd2(*(kernel_poly(a, b) for a, b in ((made, made), (made, real), (real, real))))
    assert estimate_kernel_distance(made, real, 3, 1000).value == pytest.approx(whole, rel=1e-12)
    many = estimate_kernel_distance(made, real, 2000, 20)
    spread = np.std([estimate_kernel_distance(made, real, 1, 20).value, *(_subset(made, real, i) for i in range(200))])
    assert many.value == pytest.approx(whole, abs=4 * spread / 2000**0.5)


def _subset(made, real, seed):
    rng = np.random.default_rng(seed)
    a, b = (x[rng.choice(len(x), 20, replace=False)] for x in (made, real))
    return mmd2(kernel_poly(a, a), kernel_poly(a, b), kernel_poly(b, b))


@pytest.mark.parametrize(("shift", "low", "high"), [(0.4, 0.9, 1.15), (0.0, 1.0, 1.8)], ids=["apart", "one law"])
def test_kids_standard_error_is_the_spread_over_draws(shift, low, high):
    real = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)

    def study(seed):
        made = np.random.default_rng(1 + seed).standard_normal((120, 6)).astype(np.float32) + np.float32(shift)
        return estimate_kernel_distance(made, real, 10, 50)

    found = [study(seed) for seed in range(250)]
    assert low < np.mean([e.se for e in found]) / np.std([e.value for e in found]) < high


def test_two_sets_of_weights_never_share_a_real_side(given_weights, cheap, random_inception, tmp_path, monkeypatch):
    """The features under one data set's name are those of the weights that the run was given."""
    evaluation = make_evaluation(pictures(30, 0, 0.2), pictures(30, 1, 0.2), monkeypatch)
    weights = torch.load(random_inception, weights_only=True)
    weights["Conv2d_1a_3x3.conv.weight"] += 0.1
    torch.save(weights, tmp_path / "other.pth")
    other = sha256((tmp_path / "other.pth").read_bytes()).hexdigest()[:8]
    scales, values = [], []
    for path, name in (
        (random_inception, given_weights),
        (tmp_path / "other.pth", other),
        (random_inception, given_weights),
    ):
        monkeypatch.setenv(WEIGHTS_VARIABLE, str(path))
        scales.append(1 + int(load_inception("2048", name).digest[:2], 16))
        values.append(Fid(weights=name)(evaluation)["fid"].value)
    assert scales[0] != scales[1]
    assert values[1] / values[0] == pytest.approx((scales[1] / scales[0]) ** 2, rel=1e-5)
    assert values[2] == values[0]


def test_measures_are_named_after_metric_and_source():
    names = [[m.name for m in metric.measures()] for metric in (Fid(), Fid768(), Kid(sources=("prior", "mixture")))]
    assert names == [["fid"], ["fid768"], ["kid", "kid mixture"]]
    assert Fid768.layer == "768"
    assert "768" in Fid768.estimator
    assert "2048" not in Fid768.estimator


def test_without_weights_a_metric_is_refused_before_training_and_gives_nothing(cache, monkeypatch, tmp_path):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "missing.pth"))
    evaluation = example_evaluation(ReconstructionObjective(Deterministic()))
    for metric in (Fid(), Kid(), Fid768()):
        for ask in (lambda m: m.check(evaluation.splits, evaluation.spec), lambda m: m(evaluation)):
            with pytest.raises(ValueError, match=r"missing\.pth.*fd_pca64 and fd_cnn") as caught:
                ask(metric)
            assert isinstance(caught.value, WeightsUnavailable)
        with pytest.raises(WeightsUnavailable):
            metric.references(evaluation.splits, evaluation.spec, "toy")


def test_the_refusal_names_the_option_and_metrics_that_do_without(cache, monkeypatch, tmp_path):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "nowhere.pth"))
    with pytest.raises(WeightsUnavailable) as caught:
        Fid().features(None)
    for words in ("--inception-weights", "fd_pca64", "fd_cnn"):
        assert words in str(caught.value)


def test_a_file_of_weights_goes_before_the_environment(random_inception, cache, monkeypatch, tmp_path):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "nowhere.pth"))
    digest = sha256(random_inception.read_bytes()).hexdigest()[:8]
    assert Fid(weights=digest, weights_file=str(random_inception)).features(None).path == random_inception


def test_images_of_two_channels_are_refused(given_weights):
    x = np.zeros((4, 2, 8, 8), dtype=np.uint8)
    splits = Splits(*[Examples(x, None)] * 3)
    with pytest.raises(ValueError, match="needs images of 1 or 3 channels, not 2"):
        Fid768(weights=given_weights).check(splits, ModelSpec((2, 8, 8), 2))
    Fid768(weights=given_weights).check(splits, ModelSpec((1, 8, 8), 2))


def test_the_cost_counts_every_image_that_is_looked_at():
    spec = ModelSpec((3, 32, 32), 2)
    assert Fid(images=1000).cost(spec, "cpu") == pytest.approx(100)
    assert Fid(images=1000, sources=("prior", "mixture"), reconstruction=True).cost(spec, "cpu") == pytest.approx(300)
    assert Fid(images=1000).cost(spec, "cuda:1") < 10


@pytest.mark.slow
@pytest.mark.realdata
def test_real_pictures_are_nearer_than_blurred_ones_and_these_nearer_than_noise(cache, monkeypatch):
    """From other real pictures, in the 768 features of the real weights, which a file cut off above has too."""
    path, folder = os.environ.get(WEIGHTS_VARIABLE), get_data_folder() / "cifar10"
    if not path or not folder.exists():
        pytest.skip(f"needs {WEIGHTS_VARIABLE} and a cifar10 in {get_data_folder()}")
    test, train = (np.array(np.load(folder / f"{part}_x.npy", mmap_mode="r")[:120]) for part in ("test", "train"))
    blurred = np.stack(
        [np.array(Image.fromarray(x.transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(1))) for x in test]
    ).transpose(0, 3, 1, 2)
    noise = np.random.default_rng(0).integers(0, 256, test.shape, dtype=np.uint8)
    metric = Fid768(weights=sha256(Path(path).read_bytes()).hexdigest()[:16])
    found = [metric(make_evaluation(x, train, monkeypatch))["fid768"] for x in (test, blurred, noise)]
    near, middle, far = (e.value for e in found)
    assert near + 3 * found[0].se < middle
    assert middle + 3 * found[1].se < far


@pytest.mark.slow
@pytest.mark.realdata
def test_bfloat16_changes_the_distance_by_less_than_its_standard_error(cache, monkeypatch):
    path, folder = os.environ.get(WEIGHTS_VARIABLE), get_data_folder() / "cifar10"
    if not path or not folder.exists():
        pytest.skip(f"needs {WEIGHTS_VARIABLE} and a cifar10 in {get_data_folder()}")
    real, other = (np.array(np.load(folder / f"{part}_x.npy", mmap_mode="r")[:100]) for part in ("test", "train"))
    weights = {"weights": sha256(Path(path).read_bytes()).hexdigest()[:8], "images": 100}
    low, high = (
        metric(**weights)(make_evaluation(other, real, monkeypatch))["fid768"] for metric in (Fid768, FloatFid768)
    )
    assert low.value != high.value
    assert low.value == pytest.approx(high.value, abs=high.se)
    assert low.value == pytest.approx(high.value, rel=0.01)
    assert low.se == pytest.approx(high.se, rel=0.05)
