"""A run's data: prepared once into one layout on disk, memory-mapped by every run after that.

    <data>/<folder>/{train,test}_{x,y}.npy   x uint8 [N, C, H, W], y int64 [N] (may be missing)
    <data>/<folder>/dataset.json             name, shape, counts, source, sha256 of each array's bytes
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import platformdirs
import torch
from filelock import FileLock
from torch import Tensor

from ..errors import DataError
from ..files import read_json, write_json
from ..kinds import Arrays, Dataset, Examples, PixelRange, Splits
from ..records import Json

PARTS = ("train", "test")


def default_root() -> Path:
    """`$VIMAE_BENCH_DATA`, or the user's cache folder."""
    named = os.environ.get("VIMAE_BENCH_DATA")
    return Path(named) if named else Path(platformdirs.user_cache_dir("vimae-bench")) / "data"


def to_unit(x: Tensor) -> Tensor:
    """uint8 images to float32 in [0, 1]."""
    return x.to(torch.float32) / 255


def to_network(x: Tensor, pixel_range: PixelRange) -> Tensor:
    """Images in [0, 1] to what the network sees."""
    return x if pixel_range == "unit" else x * 2 - 1
