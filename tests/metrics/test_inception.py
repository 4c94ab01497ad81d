"""The weights of the Inception network are found, checked and refused; its features are torch-fidelity's."""

import hashlib
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from vimae_bench.metrics import WeightsUnavailable, inception
from vimae_bench.metrics.inception import ORIGINAL_WEIGHTS, WEIGHTS_VARIABLE, PublishedWeights, load_inception

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")


def sum_of(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def _nothing_found(cache, monkeypatch, tmp_path):
    """No weights lie where they are looked for, and none can be downloaded."""
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


NOWHERE = PublishedWeights("file:///nowhere/weights.pth", ORIGINAL_WEIGHTS.sha256)


@pytest.fixture
def given_weights(random_inception, monkeypatch):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(random_inception))
    return random_inception


def cut_off(path, to):
    """The same weights, with no numbers above the 768-d layer."""
    weights = torch.load(path, weights_only=True)
    for name, value in weights.items():
        if name.startswith(("Mixed_7", "fc.")) and value.is_floating_point():
            value.fill_(float("nan"))
    torch.save(weights, to)
    return to


def test_without_weights_the_message_says_where_and_how_and_what_does_without(cache):
    with pytest.raises(WeightsUnavailable) as caught:
        load_inception("2048", published=NOWHERE)
    for words in (NOWHERE.url, NOWHERE.sha256, WEIGHTS_VARIABLE, str(cache)):
        assert words in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_download_is_checked_kept_and_announced_once(random_inception, cache, capsys):
    digest = sum_of(random_inception)
    with pytest.raises(WeightsUnavailable, match=f"sha256 of the download is {digest}"):
        load_inception("2048", published=PublishedWeights(random_inception.as_uri(), ORIGINAL_WEIGHTS.sha256))
    assert not [path for path in cache.rglob("*") if path.suffix in (".pth", ".tmp")]
    capsys.readouterr()
    published = PublishedWeights(random_inception.as_uri(), digest)
    found = [load_inception("2048", digest[:8], published=published) for _ in range(2)]
    assert found[0].path == cache / "inception" / random_inception.name
    assert sum_of(found[0].path) == digest
    assert capsys.readouterr().err.count("downloading") == 1


def test_what_torch_fidelity_downloaded_is_found(random_inception, tmp_path):
    theirs = tmp_path / "torch" / "hub" / "checkpoints" / ORIGINAL_WEIGHTS.file_name
    theirs.parent.mkdir(parents=True)
    theirs.symlink_to(random_inception)
    assert load_inception("2048", sum_of(random_inception)[:8]).path == theirs


def test_a_file_named_and_not_there_is_not_replaced_by_another(cache, monkeypatch, tmp_path):
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "mine.pth"))
    with pytest.raises(
        WeightsUnavailable, match=r"mine\.pth is to hold the Inception weights, and there is no such file"
    ):
        load_inception("2048")


def test_other_weights_than_asked_for_are_refused_and_can_be_asked_for(given_weights):
    with pytest.raises(
        WeightsUnavailable, match=f"has the sha256 {sum_of(given_weights)}, and {ORIGINAL_WEIGHTS.sha256} is asked"
    ) as caught:
        load_inception("2048")
    _, _, rest = str(caught.value).partition("weights = '")
    by_file, by_weights = (load_inception("2048", w) for w in (sum_of(given_weights)[:8], rest.partition("'")[0]))
    assert by_file == by_weights
    # Eight digits of the original's sum ask for all of it.
    with pytest.raises(WeightsUnavailable, match=ORIGINAL_WEIGHTS.sha256):
        load_inception("2048", ORIGINAL_WEIGHTS.sha256[:8])


def test_a_file_without_the_upper_part_serves_the_lower_layer_alone(given_weights, tmp_path, monkeypatch):
    whole = load_inception("768", sum_of(given_weights)[:8])
    lower = cut_off(given_weights, tmp_path / "lower.pth")
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(lower))
    assert load_inception("768", whole.digest).key == whole.key, "the same weights are used"
    with pytest.raises(WeightsUnavailable, match="up to the 2048-d layer are not all numbers"):
        load_inception("2048", sum_of(lower)[:8])


def test_weights_that_differ_in_one_number_are_others(given_weights, tmp_path, monkeypatch):
    weights = torch.load(given_weights, weights_only=True)
    weights["Mixed_6e.branch_pool.conv.weight"][0, 0, 0, 0] += 1e-3
    torch.save(weights, tmp_path / "other.pth")
    ours = {layer: load_inception(layer, sum_of(given_weights)[:8]).digest for layer in ("768", "2048")}
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "other.pth"))
    theirs = {layer: load_inception(layer, sum_of(tmp_path / "other.pth")[:8]).digest for layer in ("768", "2048")}
    assert len({*ours.values(), *theirs.values()}) == 4


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


@pytest.mark.parametrize(
    "content",
    [b"", b"no weights at all", pickle.dumps(Bomb(), protocol=2)],
    ids=["empty", "text", "code"],
)
def test_a_file_that_holds_something_else_is_refused_and_not_run(content, tmp_path, monkeypatch):
    (tmp_path / "mine.pth").write_bytes(content)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "mine.pth"))
    with pytest.raises(WeightsUnavailable, match=r"mine\.pth holds no weights of the Inception network"):
        load_inception("2048", hashlib.sha256(content).hexdigest())


def test_weights_of_another_network_are_refused(tmp_path, monkeypatch):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "mine.pth")
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "mine.pth"))
    with pytest.raises(WeightsUnavailable, match="holds no weights of the Inception network"):
        load_inception("2048", sum_of(tmp_path / "mine.pth"))


@pytest.mark.parametrize("layer", ["768", "2048"])
def test_features_are_those_of_torch_fidelity(given_weights, layer):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    (expected,) = FeatureExtractorInceptionV3("theirs", [layer], str(given_weights))(torch.from_numpy(images))
    state = torch.get_rng_state()
    found = load_inception(layer, sum_of(given_weights)[:8])(images, CPU)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected.numpy(), abs=1e-5 * float(expected.std()))
    assert torch.equal(torch.get_rng_state(), state), "no random number of the run's is used up"


def test_grey_images_are_the_same_in_three_channels_and_batches_make_no_difference(given_weights):
    network = load_inception("768", sum_of(given_weights)[:8])
    grey = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    whole = network(np.repeat(grey, 3, axis=1), CPU)
    assert replace(network, batch_size=2)(grey, CPU) == pytest.approx(whole, rel=1e-5)


def test_bfloat16_is_near_float32_and_its_features_are_kept_apart(given_weights):
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    digest = sum_of(given_weights)[:8]
    full, low = (load_inception("768", digest, precision=name) for name in ("float32", "bfloat16"))
    assert full.key != low.key
    expected, found = full(images, CPU), low(images, CPU)
    assert found.dtype == np.float32
    assert 1e-6 < np.abs(found - expected).mean() / expected.std() < 0.02


def test_bfloat16_is_the_same_on_a_processor_that_does_not_multiply_in_it(given_weights, monkeypatch):
    if not inception.supports_bfloat16(CPU):
        pytest.skip("this processor does not multiply in bfloat16")
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    low = load_inception("768", sum_of(given_weights)[:8], precision="bfloat16")
    native = low(images, CPU)
    monkeypatch.setattr(inception, "supports_bfloat16", lambda device: False)
    emulated = replace(low, digest=f"{low.digest} again")(images, CPU)  # a network of its own
    full = replace(low, precision="float32")(images, CPU)
    assert np.abs(emulated - native).mean() < 0.2 * np.abs(full - native).mean()


def test_the_network_is_read_once_in_a_process(given_weights, monkeypatch):
    network = load_inception("768", sum_of(given_weights)[:8])
    x = np.zeros((1, 1, 8, 8), dtype=np.uint8)
    network(x, CPU)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read again"))
    network_class = "torch_fidelity.feature_extractor_inceptionv3.FeatureExtractorInceptionV3"
    monkeypatch.setattr(network_class, lambda *_: pytest.fail("built again"))
    load_inception("768", sum_of(given_weights)[:8])(x, CPU)


def test_a_file_that_changes_under_its_name_is_looked_at_again(given_weights, tmp_path, monkeypatch):
    mine = tmp_path / "mine.pth"
    shutil.copyfile(given_weights, mine)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(mine))
    assert load_inception("768", sum_of(given_weights)[:8])
    cut_off(given_weights, mine)
    with pytest.raises(WeightsUnavailable, match="is asked"):
        load_inception("768", sum_of(given_weights)[:8])
