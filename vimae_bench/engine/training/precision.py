"""In which precision a run is trained: bfloat16 matrix products where a GPU has them, unless float32 is asked for."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch

from ...models.autoencoder import Autoencoder


def choose_matmul_dtype(device: torch.device, *, exact: bool) -> torch.dtype:
    """The precision of the encoder's and the decoder's matrix products on a device; all else stays float32."""
    low = device.type == "cuda" and not exact and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if low else torch.float32


@contextmanager
def autocast_training(
    model: Autoencoder, device: torch.device, *, exact: bool, dtype: torch.dtype | None = None
) -> Generator[str]:
    """A model in the precision of training, and that precision's name; afterwards all is float32 again.

    `dtype` is that of matrix products; by default the device and `exact` decide, see `choose_matmul_dtype`.
    Where it is not `exact`, a GPU may also round the factors of float32 products to ten bits (TensorFloat-32). Either
    way its libraries are restricted to algorithms that give the same bits every time.
    """
    cuda, cudnn = torch.backends.cuda.matmul, cast("Any", torch.backends.cudnn)
    before = cuda.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    cuda.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = not exact, not exact, True
    model.matmul_dtype = dtype or choose_matmul_dtype(device, exact=exact)
    try:
        yield str(model.matmul_dtype).removeprefix("torch.")
    finally:
        model.matmul_dtype = torch.float32
        cuda.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = before
