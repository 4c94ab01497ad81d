"""The squared maximum mean discrepancy between two samples (Gretton et al., JMLR 13, 2012).

One arithmetic for the training loss of a hundred codes and for a measure over ten thousand: pairs are taken in tiles,
so that no matrix of all pairs is ever held, and a small sample is one tile.
"""

from itertools import product
from typing import Any, Literal

import torch
from torch import Tensor

KernelName = Literal["imq", "rbf"]
Statistic = Literal["unbiased", "biased"]

IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
TILE = 256
"""Pairs are taken in squares of this side: small enough for a processor's cache."""


def mmd2(
    a: Tensor,
    b: Tensor,
    kernel: KernelName = "imq",
    bandwidth: float | None = None,
    statistic: Statistic = "unbiased",
) -> Tensor:
    """MMD^2 between samples a [n, d] and b [m, d], a scalar differentiable in both; it is never clamped at 0.

    `unbiased` leaves out the pairs of a point with itself, so it may be negative; `biased` counts them. All n*m pairs
    across the samples count in both. The kernels are those of `kernel_matrix`.
    """
    within = _within(a, kernel, bandwidth, statistic) + _within(b, kernel, bandwidth, statistic)
    across = _sum(a, b, kernel, bandwidth) / (len(a) * len(b))
    return (within - 2 * across).to(torch.promote_types(a.dtype, torch.float32))


def kernel_matrix(a: Tensor, b: Tensor, kernel: KernelName = "imq", bandwidth: float | None = None) -> Tensor:
    """k(a_i, b_j), shape [n, m], for points a [n, d] and b [m, d]; in float32 at least, whatever the inputs are.

    `imq` is the sum of C/(C + r^2) over C = t * 2d * bandwidth^2 at the seven scales t of the WAE code
    (github.com/tolstikhin/wae), with bandwidth 1 unless given. `rbf` is exp(-r^2/(2 bandwidth^2)), or exp(-r^2/d^2)
    as in the code of InfoVAE (1706.02262) where no bandwidth is given.
    """
    r2, d = squared_distances(a, b), a.shape[1]
    if kernel == "rbf":
        return torch.exp(r2 / -(d**2 if bandwidth is None else 2 * bandwidth**2))
    base = 2 * d * (1.0 if bandwidth is None else bandwidth) ** 2
    return _InverseMultiquadrics.apply(r2, tuple(t * base for t in IMQ_SCALES))


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2, shape [n, m], from |a|^2 + |b|^2 - 2ab; in float32 at least, whatever the inputs are.

    The products are made in float64, which neither autocast nor TF32 touches: the difference of a point from itself
    is 0 after rounding, and that of two near points keeps its digits.
    """
    kept = torch.promote_types(a.dtype, torch.float32)
    a, b = a.double(), b.double()
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).clamp(min=0).to(kept)


class _InverseMultiquadrics(torch.autograd.Function):
    """sum_c C/(C + r^2), whose derivative is -sum_c C/(C + r^2)^2: in place, as seven kernels cost seven times one."""

    @staticmethod
    def forward(r2: Tensor, constants: tuple[float, ...]) -> Tensor:
        total = torch.zeros_like(r2)
        for c in constants:
            total.add_((r2 + c).reciprocal_(), alpha=c)
        return total

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, tuple[float, ...]], output: Tensor) -> None:  # noqa: ANN401, ARG004
        r2, ctx.constants = inputs
        ctx.save_for_backward(r2)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (gradient,), (r2,) = grad_outputs, ctx.saved_tensors
        slope = torch.zeros_like(r2)
        for c in ctx.constants:
            y = (r2 + c).reciprocal_()
            slope.addcmul_(y, y, value=-c)
        return gradient * slope, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[Any, int | None]:  # noqa: ANN401, ARG004
        return _InverseMultiquadrics.apply(*args), in_dims[0]  # each distance by itself


def _within(x: Tensor, kernel: KernelName, bandwidth: float | None, statistic: Statistic) -> Tensor:
    """The mean of k over the pairs of one sample, with or without those of a point with itself."""
    n, total = len(x), _sum(x, x, kernel, bandwidth)
    if statistic == "biased":
        return total / n**2
    return (total - n * _at_zero(kernel)) / (n * (n - 1))


def _at_zero(kernel: KernelName) -> float:
    """k(x, x)."""
    return float(len(IMQ_SCALES)) if kernel == "imq" else 1.0


def _sum(a: Tensor, b: Tensor, kernel: KernelName, bandwidth: float | None) -> Tensor:
    """The sum of k over all pairs, in float64."""
    tiles = product(a.split(TILE), b.split(TILE))
    return torch.stack([kernel_matrix(x, y, kernel, bandwidth).sum(dtype=torch.float64) for x, y in tiles]).sum()
