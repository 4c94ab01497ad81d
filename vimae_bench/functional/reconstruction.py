"""Reconstruction errors."""

from torch import Tensor


def squared_error(x: Tensor, xhat: Tensor) -> Tensor:
    """SSE of each image in the units given: [B, C, H, W] twice gives [B], summed over all C*H*W entries, in float32."""
    return (x.float() - xhat.float()).square().flatten(1).sum(1)
