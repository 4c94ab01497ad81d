"""In which precision a run is trained: all is float32, except matrix products where bfloat16 is asked for."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch

from ...core.errors import BenchError
from ...core.spec import EXACT_CONFLICT, Precision
from ...models.autoencoder import Autoencoder


def choose_matmul_dtype(device: torch.device, precision: Precision, *, exact: bool) -> torch.dtype:
    """The precision of the encoder's and the decoder's matrix products; all else stays float32.

    A processor computes in bfloat16 whether it has instructions for it or not. Raises BenchError for a GPU that does
    not, and where the user wants `exact` float32.
    """
    if precision == "float32":
        return torch.float32
    if exact:
        raise BenchError(EXACT_CONFLICT)
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise BenchError('this GPU has no bfloat16; take training.precision = "float32"')
    return torch.bfloat16


@contextmanager
def autocast_training(
    model: Autoencoder, device: torch.device, precision: Precision = "float32", *, exact: bool
) -> Generator[str]:
    """A model in the precision of training, and that precision's name; afterwards all is float32 again.

    Where it is not `exact`, a GPU may also round the factors of float32 products to ten bits (TensorFloat-32). Either
    way its libraries are restricted to algorithms that give the same bits every time. Raises BenchError as
    `choose_matmul_dtype` does.
    """
    dtype = choose_matmul_dtype(device, precision, exact=exact)
    cuda, cudnn = torch.backends.cuda.matmul, cast("Any", torch.backends.cudnn)
    before = cuda.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    cuda.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = not exact, not exact, True
    model.matmul_dtype = dtype
    try:
        yield str(dtype).removeprefix("torch.")
    finally:
        model.matmul_dtype = torch.float32
        cuda.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = before
