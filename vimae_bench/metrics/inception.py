"""The Inception network of the Fréchet inception distance: its weights, found and checked, and its features.

It is torch-fidelity's port of the graph that Heusel et al. published (1706.08500), with the resizing that lies in the
graph. The weights are a file of their own, downloaded once, or given.
"""

import hashlib
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from ..core.errors import BenchError
from ..storage.array_cache import get_cache_folder
from ..storage.atomic import atomic_write, compute_sha256

InceptionLayer = Literal["2048", "768"]
WEIGHTS_VARIABLE = "VIMAE_BENCH_INCEPTION"
"""The environment variable that names a file of weights."""
FILE = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
ORIGINAL_INCEPTION = SHA256[:8]
PATIENCE = 60  # seconds without a byte
CHUNK = 16
"""Images at once: the activations of more leave a processor's cache."""
INCEPTION_COST = {"cpu": 0.15, "cuda": 0.002}
"""About how long an image takes, on one core and on a GPU."""
ABOVE = {"768": ("Mixed_7", "fc."), "2048": ("fc.",)}
"""The parts of the network that a layer does without."""


class WeightsUnavailable(BenchError, ValueError):
    """The weights that are asked for cannot be had. Nothing may be called FID then."""


@dataclass(frozen=True)
class InceptionExtractor:
    """The network up to a layer, with weights that have been checked; `digest` is the sha256 of those that it uses."""

    path: Path
    layer: InceptionLayer
    digest: str

    @property
    def key(self) -> Mapping[str, str]:
        """What decides the features of an image."""
        by = f"torch-fidelity {version('torch-fidelity')}"
        return {"network": "inception-v3-compat", "layer": self.layer, "weights": self.digest, "by": by}

    def __call__(self, images: np.ndarray, device: torch.device) -> np.ndarray:
        """Features float32 [N, F] of images uint8 [N, 1 or 3, H, W]; a grey image is the same in all three channels.

        Products are made in float32 on a GPU too.
        """
        network, cudnn = _network(self.path, self.layer, self.digest, device), cast("Any", torch.backends.cudnn)
        before, cudnn.allow_tf32 = cudnn.allow_tf32, False
        try:
            with torch.inference_mode():
                return np.concatenate([_features(network, x, device) for x in _chunks(images)])
        finally:
            cudnn.allow_tf32 = before


def load_inception(layer: InceptionLayer, weights: str = ORIGINAL_INCEPTION, file: str = "") -> InceptionExtractor:
    """The network with the weights whose sha256 begins with `weights`, downloaded now if they are nowhere.

    The sum is that of the file, or that of the weights the layer uses, which a file cut off above the layer has too.
    The `file`, or one named by `$VIMAE_BENCH_INCEPTION`, is the only one looked at; otherwise it is the cache folder's,
    that of torch-fidelity's own downloads, or a new download. Raises WeightsUnavailable where they cannot be had or are
    others.
    """
    path = _given(file) or next(filter(Path.is_file, (_ours(), _theirs())), None) or _download()
    found = _looked_at(path, layer, path.stat().st_mtime_ns)
    if not found.whole:
        raise WeightsUnavailable(f"{path}: the weights up to the {layer}-d layer are not all numbers. {_remedy()}")
    asked = SHA256 if SHA256.startswith(weights) else weights
    if not (found.file.startswith(asked) or found.used.startswith(asked)):
        raise WeightsUnavailable(
            f"{path} has the sha256 {found.file}, and {asked} is asked for: the original's is {SHA256} ({URL}). "
            f"To measure with this file give the metric weights = '{found.used[:16]}': that is a measure of its own"
        )
    return InceptionExtractor(path, layer, found.used)


@dataclass(frozen=True)
class _Sums:
    """The sha256 of a file and of the weights in it that a layer uses, and whether these are all finite."""

    file: str
    used: str
    whole: bool


@lru_cache(maxsize=8)
def _looked_at(path: Path, layer: InceptionLayer, written: int) -> _Sums:  # noqa: ARG001
    used = [(name, w) for name, w in sorted(_weights(path, layer).items()) if _uses(layer, name)]
    digest = hashlib.sha256()
    for name, w in used:
        digest.update(f"{name} {tuple(w.shape)} {w.dtype} ".encode() + w.contiguous().numpy().tobytes())
    return _Sums(compute_sha256(path), digest.hexdigest(), all(bool(w.isfinite().all()) for _, w in used))


def _uses(layer: InceptionLayer, name: str) -> bool:
    return not name.startswith(ABOVE[layer]) and not name.endswith("num_batches_tracked")


def _weights(path: Path, layer: InceptionLayer) -> Mapping[str, Tensor]:
    """The tensors of a file, which have to be the network's. Raises WeightsUnavailable if they are not."""
    try:
        # First without running anything that a pickle may hold, which torch-fidelity would.
        weights = torch.load(path, map_location="cpu", weights_only=True)
        _made(path, layer)
    except Exception as error:  # a damaged archive fails in many ways
        reason = str(error).partition("\n")[0]
        raise WeightsUnavailable(f"{path} holds no weights of the Inception network ({reason}). {_remedy()}") from error
    return weights


def _given(file: str) -> Path | None:
    named = file or os.environ.get(WEIGHTS_VARIABLE)
    if not named:
        return None
    path = Path(named).expanduser()
    if not path.is_file():
        raise WeightsUnavailable(f"{path} is to hold the Inception weights, and there is no such file. {_remedy()}")
    return path


def _ours() -> Path:
    return get_cache_folder() / "inception" / FILE


def _theirs() -> Path:
    """Where torch-fidelity's own downloads lie."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


def _download() -> Path:
    path = _ours()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                print(f"downloading the Inception weights (96 MB, once) to {path}", file=sys.stderr, flush=True)
                atomic_write(path, _fetch)
    except (OSError, ValueError, HTTPException) as error:
        raise WeightsUnavailable(
            f"there are no Inception weights, and none can be downloaded ({error}). {_remedy()}"
        ) from error
    return path


def _fetch(path: Path) -> None:
    # The address is a constant.
    with urllib.request.urlopen(URL, timeout=PATIENCE) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
    if (found := compute_sha256(path)) != SHA256:
        raise ValueError(f"the sha256 of what comes is {found}")


def _remedy() -> str:
    return f"Download {URL} (sha256 {SHA256}), and give it by {WEIGHTS_VARIABLE}, or as {_ours()}."


@lru_cache(maxsize=2)
def _network(path: Path, layer: InceptionLayer, digest: str, device: torch.device) -> nn.Module:  # noqa: ARG001
    """Made once in a process. Batch norms are folded into convolutions, and channels lie last: a third faster."""
    network = _made(path, layer)
    for module in network.modules():
        if isinstance(getattr(module, "bn", None), nn.BatchNorm2d):
            block = cast("Any", module)
            block.conv = nn.utils.fuse_conv_bn_eval(block.conv, block.bn)
            block.bn = nn.Identity()
    return cast("Any", network).to(device, memory_format=torch.channels_last)


def _made(path: Path, layer: InceptionLayer) -> nn.Module:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    with torch.random.fork_rng(devices=[]):  # it draws weights before it reads them
        return FeatureExtractorInceptionV3("inception-v3-compat", [layer], str(path))


def _features(network: nn.Module, images: np.ndarray, device: torch.device) -> np.ndarray:
    x = torch.from_numpy(images).to(device)
    (features,) = network(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)
    return features.cpu().numpy()


def _chunks(images: np.ndarray) -> Iterable[np.ndarray]:
    return (np.array(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK))
