"""The Inception network of the Fréchet inception distance: its weights, found and checked, and its features.

It is torch-fidelity's port of the graph that Heusel et al. published (1706.08500), with the resizing that lies in the
graph. The weights are a file of their own, downloaded once, or given.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import BenchError, ResultsError
from ..data.download import download_file
from ..storage.atomic import atomic_write, compute_sha256
from ..storage.cache_folder import expand_home, get_cache_folder, make_cache_folder
from ..storage.locks import wait_for_lock

InceptionLayer = Literal["2048", "768"]
Precision = Literal["float32", "bfloat16"]
WEIGHTS_VARIABLE = "VIMAE_BENCH_INCEPTION"
"""The environment variable that names a file of weights."""
INCEPTION_SIDE = 299
"""The side, in pixels, to which images are resized."""
UNUSED_PARTS = {"768": ("Mixed_7", "fc."), "2048": ("fc.",)}
"""The parts of the network that lie above a layer."""
LAST_BLOCKS = {"768": "Mixed_6e", "2048": "Mixed_7c"}
"""The blocks whose output, averaged over places, are the features of a layer."""
BFLOAT16_CAPABILITIES = ("avx512_bf16", "amx_bf16")
"""As torch.cpu.get_capabilities names them."""


@dataclass(frozen=True)
class PublishedWeights:
    """A published file of weights: its address, and its sha256 in hexadecimal digits."""

    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


ORIGINAL_WEIGHTS = PublishedWeights(
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
ORIGINAL_INCEPTION = ORIGINAL_WEIGHTS.sha256[:8]


class WeightsUnavailable(BenchError, ValueError):
    """The requested weights are unavailable. Without them no number may be called FID."""


@dataclass(frozen=True)
class InceptionExtractor:
    """The network up to a layer, with weights that have been checked; `digest` is the sha256 of those that it uses.

    `precision` is that of its weights and activations, on every machine; sums are of float32 in either. `batch_size`
    images are passed through it together: the activations of more leave a processor's cache.
    """

    path: Path
    layer: InceptionLayer
    digest: str
    precision: Precision = "float32"
    batch_size: int = 16

    @property
    def key(self) -> Mapping[str, str]:
        """What decides the features of an image."""
        by = f"torch-fidelity {version('torch-fidelity')}"
        network = {"network": "inception-v3-compat", "layer": self.layer, "weights": self.digest, "by": by}
        return network if self.precision == "float32" else {**network, "precision": self.precision}

    def __call__(self, images: np.ndarray, device: torch.device) -> np.ndarray:
        """Features float32 [N, F] of images uint8 [N, 1 or 3, H, W]; a grey image is the same in all three channels.

        Products of float32 are computed in float32 on a GPU too.
        """
        network = _load_network(self.path, self.layer, self.digest, self.precision, device)
        products = cast("Any", torch.backends.cudnn), cast("Any", torch.backends.cuda.matmul)
        before = [kind.allow_tf32 for kind in products]
        try:
            for kind in products:
                kind.allow_tf32 = False
            with torch.inference_mode():
                return np.concatenate([_compute_features(network, x, device) for x in self._split_batches(images)])
        finally:
            for kind, allowed in zip(products, before, strict=True):
                kind.allow_tf32 = allowed

    def _split_batches(self, images: np.ndarray) -> Iterator[np.ndarray]:
        return (np.array(images[i : i + self.batch_size]) for i in range(0, len(images), self.batch_size))


def estimate_inception_cost(precision: Precision, device: str) -> float:
    """About how many seconds an image takes on one core (`cpu`) or a GPU (`cuda`)."""
    if "cuda" in device:
        return 0.002
    return 0.03 if precision == "bfloat16" and supports_bfloat16(torch.device("cpu")) else 0.1


def load_inception(
    layer: InceptionLayer,
    weights: str = ORIGINAL_INCEPTION,
    file: str = "",
    published: PublishedWeights = ORIGINAL_WEIGHTS,
    precision: Precision = "float32",
) -> InceptionExtractor:
    """The network with the weights whose sha256 begins with `weights`, downloaded now if they are nowhere.

    The sum is that of the file, or that of the weights the layer uses, which a file cut off above the layer has too.
    Only the `file`, or one named by `$VIMAE_BENCH_INCEPTION`, is considered if there is one; otherwise it is the cache
    folder's, that of torch-fidelity's own downloads, or a new download of those `published`. Raises WeightsUnavailable
    where they cannot be had or are others.
    """
    path = _find_weights(file, published) or _download_weights(published)
    found = _inspect_weights(path, layer, path.stat().st_mtime_ns, published)
    if not found.are_finite:
        reason = f"{path}: the weights up to the {layer}-d layer are not all numbers"
        raise WeightsUnavailable(f"{reason}. {_format_remedy(published)}")
    wanted = published.sha256 if published.sha256.startswith(weights) else weights
    if not (found.file.startswith(wanted) or found.used.startswith(wanted)):
        original = f"the original's is {published.sha256} ({published.url})"
        raise WeightsUnavailable(
            f"{path} has the sha256 {found.file}, and {wanted} is asked for: {original}. "
            f"To measure with this file give the metric weights = '{found.used[:16]}': that is a measure of its own"
        )
    return InceptionExtractor(path, layer, found.used, precision)


@dataclass(frozen=True)
class _WeightsDigests:
    """The sha256 of a file and of the weights in it that a layer uses, and whether these are all finite."""

    file: str
    used: str
    are_finite: bool


@lru_cache(maxsize=8)
def _inspect_weights(
    path: Path,
    layer: InceptionLayer,
    modified: int,  # noqa: ARG001
    published: PublishedWeights,
) -> _WeightsDigests:
    """Once for a file in a process, and again if it was modified since."""
    weights = sorted(_read_weights(path, layer, published).items())
    used = [(name, w) for name, w in weights if _is_used(layer, name)]
    digest = hashlib.sha256()
    for name, w in used:
        digest.update(f"{name} {tuple(w.shape)} {w.dtype} ".encode() + w.contiguous().numpy().tobytes())
    are_finite = all(bool(w.isfinite().all()) for _, w in used)
    return _WeightsDigests(compute_sha256(path.resolve()), digest.hexdigest(), are_finite)


def _is_used(layer: InceptionLayer, name: str) -> bool:
    return not name.startswith(UNUSED_PARTS[layer]) and not name.endswith("num_batches_tracked")


def _read_weights(path: Path, layer: InceptionLayer, published: PublishedWeights) -> Mapping[str, Tensor]:
    """The tensors of a file, which have to be the network's. Raises WeightsUnavailable if they are not."""
    try:
        # First without running anything that a pickle may hold, which torch-fidelity would.
        weights = torch.load(path, map_location="cpu", weights_only=True)
        _build_network(path, layer)
    except Exception as error:  # a damaged archive fails in many ways
        first_line = str(error).partition("\n")[0]
        reason = f"{path} holds no weights of the Inception network ({first_line})"
        raise WeightsUnavailable(f"{reason}. {_format_remedy(published)}") from error
    return weights


def _find_weights(file: str, published: PublishedWeights) -> Path | None:
    """The file that is named, else the first of those that may be there already; None if there is none."""
    if named := file or os.environ.get(WEIGHTS_VARIABLE):
        path = expand_home(Path(named))
        if not path.is_file():
            reason = f"{path} is to hold the Inception weights, and there is no such file"
            raise WeightsUnavailable(f"{reason}. {_format_remedy(published)}")
        return path
    downloaded_by_torch_fidelity = Path(torch.hub.get_dir()) / "checkpoints" / published.file_name
    return next(filter(Path.is_file, (_get_cached_path(published), downloaded_by_torch_fidelity)), None)


def _get_cached_path(published: PublishedWeights) -> Path:
    return get_cache_folder() / "inception" / published.file_name


def _download_weights(published: PublishedWeights) -> Path:
    def download(temporary: Path) -> None:
        download_file(published.url, temporary)
        if (found := compute_sha256(temporary)) != published.sha256:
            raise ValueError(f"the sha256 of the download is {found}")

    path = _get_cached_path(published)
    try:
        with wait_for_lock(make_cache_folder(path.parent) / f"{path.stem}.lock"):
            if not path.is_file():
                print(f"downloading the Inception weights (96 MB, once) to {path}", file=sys.stderr, flush=True)
                atomic_write(path, download)
    except (OSError, ResultsError, ValueError) as error:
        reason = f"there are no Inception weights, and none can be downloaded ({error})"
        raise WeightsUnavailable(f"{reason}. {_format_remedy(published)}") from error
    return path


def _format_remedy(published: PublishedWeights) -> str:
    places = f"give it by {WEIGHTS_VARIABLE}, or as {_get_cached_path(published)}"
    return f"Download {published.url} (sha256 {published.sha256}), and {places}."


@lru_cache(maxsize=2)
def _load_network(
    path: Path,
    layer: InceptionLayer,
    digest: str,  # noqa: ARG001
    precision: Precision,
    device: torch.device,
) -> nn.Module:
    """The blocks up to the layer, loaded once in a process, for images that are resized already.

    Batch norms are folded into convolutions, and channels lie last: a third faster.
    """
    network = _build_network(path, layer)
    for module in network.modules():
        if isinstance(getattr(module, "bn", None), nn.BatchNorm2d):
            block = cast("Any", module)
            block.conv = nn.utils.fuse_conv_bn_eval(block.conv, block.bn)
            block.bn = nn.Identity()
    names, blocks = zip(*network.named_children(), strict=True)  # in the order in which they are passed through
    used: Any = nn.Sequential(*blocks[: names.index(LAST_BLOCKS[layer]) + 1])
    used = used.to(device, memory_format=torch.channels_last)
    if precision == "bfloat16":
        return used.to(torch.bfloat16) if supports_bfloat16(device) else _round_to_bfloat16(used)
    return used


def supports_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16, as far as torch tells."""
    if device.type != "cpu":
        return True
    get_capabilities = getattr(torch.cpu, "get_capabilities", None)  # older releases have none
    found = get_capabilities() if get_capabilities is not None else {}
    return any(found.get(name) for name in BFLOAT16_CAPABILITIES)


def _round_to_bfloat16(network: nn.Module) -> nn.Module:
    """The network with weights, biases and activations of float32 that are rounded to bfloat16.

    Its products and sums are those of a processor that multiplies in bfloat16, but for the order of the sums.
    """

    def round_input(_: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        return (given[0].bfloat16().float(),)

    def round_output(_: nn.Module, given: tuple[Tensor], output: Tensor) -> Tensor:  # noqa: ARG001
        return output.bfloat16().float()

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(torch.bfloat16).to(torch.float32)
            module.register_forward_pre_hook(round_input)
            module.register_forward_hook(round_output)
    return network


def _build_network(path: Path, layer: InceptionLayer) -> nn.Module:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    with torch.random.fork_rng(devices=[]):  # it draws weights before it reads them
        return FeatureExtractorInceptionV3("inception-v3-compat", [layer], str(path))


def _compute_features(network: nn.Module, images: np.ndarray, device: torch.device) -> np.ndarray:
    x = (_resize(torch.from_numpy(images).to(device).float()) - 128) / 128
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
    x = x.to(next(network.parameters()).dtype).contiguous(memory_format=torch.channels_last)
    return network(x).float().mean((2, 3)).cpu().numpy()


def _resize(x: Tensor) -> Tensor:
    """Images [B, C, H, W] to 299 pixels a side, as TensorFlow 1 interpolates: bilinear, from the upper left corner."""
    rows, columns = (_make_interpolation(size).to(x.device) for size in x.shape[2:])
    return rows @ x @ columns.T


def _make_interpolation(size: int) -> Tensor:
    """The weights [299, size] of `size` pixels in each of 299 that are interpolated between two of them."""
    place = torch.arange(INCEPTION_SIDE) * (size / INCEPTION_SIDE)
    before = place.long()
    share, i = place - before, torch.arange(INCEPTION_SIDE)
    weights = torch.zeros(INCEPTION_SIDE, size)
    weights[i, before] += 1 - share
    weights[i, (before + 1).clamp(max=size - 1)] += share
    return weights
