"""The squared maximum mean discrepancy between two samples (Gretton et al., JMLR 13, 2012).

One arithmetic for the training loss of a hundred codes and for a measure over ten thousand: pairs are
computed in tiles, so that the matrix of all pairs is never stored, and a small sample is one tile.
"""

from itertools import product
from typing import Any, Literal

import torch
from torch import Tensor

from ..core.results import Estimate
from .estimates import estimate_u_statistic_error

KernelName = Literal["imq", "rbf"]
Statistic = Literal["unbiased", "biased"]

IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
TILE_SIZE = 256
"""Pairs are computed in blocks of this size, which fit into a processor's cache."""


def mmd2(
    a: Tensor,
    b: Tensor,
    kernel: KernelName = "imq",
    bandwidth: float | Tensor | None = None,
    statistic: Statistic = "unbiased",
    *,
    tile_size: int = TILE_SIZE,
) -> Tensor:
    """MMD^2 between samples a [n, d] and b [m, d], a scalar differentiable in both; it is never clamped at 0.

    `unbiased` leaves out the pairs of a point with itself, so it may be negative; `biased` counts them. All n*m pairs
    across the samples count in both. The kernels are those of `kernel_matrix`, computed in blocks of `tile_size`.
    """
    if len(a) + len(b) <= tile_size:
        aa, bb, ab = _sum_blocks(kernel_matrix(both := torch.cat([a, b]), both, kernel, bandwidth), len(a))
    else:
        aa, bb, ab = (_sum_kernel(x, y, kernel, bandwidth, tile_size) for x, y in ((a, a), (b, b), (a, b)))
    within = _average_within(aa, len(a), kernel, statistic) + _average_within(bb, len(b), kernel, statistic)
    return (within - 2 * ab / (len(a) * len(b))).to(torch.promote_types(a.dtype, torch.float32))


def estimate_mmd2(a: Tensor, b: Tensor, kernel: KernelName = "imq", *, tile_size: int = TILE_SIZE) -> Estimate:
    """The unbiased MMD^2 between samples a and b [draws, n, d], a mean over draws, with its standard error.

    Points of one place belong together: codes of one image in several draws, and the points that they are compared
    with. Their n tuples are the independent units of the error, which is that of a U-statistic (see
    `estimate_u_statistic_error`): fresh images, fresh draws of both samples. `per_draw` are the values of the draws.
    """
    draws, n, _ = a.shape
    values = torch.zeros(draws, dtype=torch.float64, device=a.device)
    row_sums = torch.zeros(n, dtype=torch.float64, device=a.device)
    squares = torch.zeros((), dtype=torch.float64, device=a.device)
    blocks = torch.arange(n, device=a.device).split(tile_size)
    for i, rows in enumerate(blocks):
        for j, columns in enumerate(blocks[i:], i):
            h = torch.zeros(len(rows), len(columns), dtype=torch.float64, device=a.device)
            times = 1 if i == j else 2
            for draw, (x, y) in enumerate(zip(a, b, strict=True)):
                within = kernel_matrix(x[rows], x[columns], kernel) + kernel_matrix(y[rows], y[columns], kernel)
                across = kernel_matrix(x[rows], y[columns], kernel)
                across = across + (across if i == j else kernel_matrix(x[columns], y[rows], kernel)).T
                if i == j:
                    within.fill_diagonal_(0)
                pairs = within.sum(dtype=torch.float64) / (n * (n - 1)), across.sum(dtype=torch.float64) / n**2
                values[draw] += times * (pairs[0] - pairs[1])
                h += within - across
            h /= draws
            if i == j:
                h.fill_diagonal_(0)
            else:
                row_sums[columns] += h.sum(0)
            row_sums[rows] += h.sum(1)
            squares += times * h.square().sum()
    per_draw = tuple(values.tolist())
    return Estimate(sum(per_draw) / draws, n, estimate_u_statistic_error(row_sums, float(squares)), per_draw)


def kernel_matrix(a: Tensor, b: Tensor, kernel: KernelName = "imq", bandwidth: float | Tensor | None = None) -> Tensor:
    """k(a_i, b_j), shape [n, m], for points a [n, d] and b [m, d]; in float32 at least, whatever the inputs are.

    `imq` is the sum of C/(C + r^2) over C = t * 2d * bandwidth^2 at the seven scales t of the WAE code
    (github.com/tolstikhin/wae), with bandwidth 1 unless given. `rbf` is exp(-r^2/(2 bandwidth^2)), or exp(-r^2/d^2)
    as in the code of InfoVAE (1706.02262) where no bandwidth is given; its bandwidth may be a tensor, a scalar that
    gradients flow through. Raises TypeError for such a bandwidth of `imq`.
    """
    r2, d = squared_distances(a, b), a.shape[1]
    if kernel == "rbf":
        return torch.exp(r2 / -(d**2 if bandwidth is None else 2 * bandwidth**2))
    if isinstance(bandwidth, Tensor):
        raise TypeError("the bandwidth of imq is a number; only that of rbf may be a tensor")
    base = 2 * d * (1.0 if bandwidth is None else bandwidth) ** 2
    constants = tuple(t * base for t in IMQ_SCALES)
    if r2.requires_grad and torch.is_grad_enabled():
        return _InverseMultiquadrics.apply(r2, constants)[0]
    return _inverse_multiquadrics(r2, constants)


def median_bandwidth(a: Tensor, b: Tensor) -> Tensor:
    """The bandwidth of `rbf` by the median heuristic of the WAE code, a scalar, for samples a and b of n points each.

    Its square is the median of |a_i - b_j|^2 plus that of |a_i - a_j|^2, both taken as the n(n-1)/2-th largest of all
    n^2 values. It is differentiable, as it is there, so codes also learn to move the median.
    """
    half = len(a) * (len(a) - 1) // 2
    medians = [squared_distances(a, other).flatten().topk(half).values[-1] for other in (b, a)]
    return (medians[0] + medians[1]).sqrt()


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2, shape [n, m], from |a|^2 + |b|^2 - 2ab; in float32 at least, whatever the inputs are.

    The products are made in float64, which neither autocast nor TF32 touches: the difference of a point from itself
    is 0 after rounding, and that of two near points keeps its digits.
    """
    dtype = torch.promote_types(a.dtype, torch.float32)
    a, b = a.double(), b.double()
    norms = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(norms, a, b.T, alpha=-2).to(dtype).relu()


def _inverse_multiquadrics(r2: Tensor, constants: tuple[float, ...], slope: Tensor | None = None) -> Tensor:
    """sum_c C/(C + r^2), in place, as seven kernels cost seven times one; its derivative is added to `slope`."""
    total = torch.zeros_like(r2)
    for c in constants:
        y = (r2 + c).reciprocal_()
        total.add_(y, alpha=c)
        if slope is not None:
            slope.addcmul_(y, y, value=-c)
    return total


class _InverseMultiquadrics(torch.autograd.Function):
    """The sum above with its derivative -sum_c C/(C + r^2)^2, which is made along with it."""

    @staticmethod
    def forward(r2: Tensor, constants: tuple[float, ...]) -> tuple[Tensor, Tensor]:
        slope = torch.zeros_like(r2)
        return _inverse_multiquadrics(r2, constants, slope), slope

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:  # noqa: ANN401, ARG004
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return grad_outputs[0] * ctx.saved_tensors[0], None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:  # noqa: ANN401, ARG004
        return _InverseMultiquadrics.apply(*args), (in_dims[0], in_dims[0])  # each distance by itself


def _sum_blocks(k: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The sums of k within the first n points, within the others, and across, in float64."""
    parts = k[:n, :n], k[n:, n:], k[:n, n:]
    aa, bb, ab = (part.sum(dtype=torch.float64) for part in parts)
    return aa, bb, ab


def _sum_kernel(a: Tensor, b: Tensor, kernel: KernelName, bandwidth: float | Tensor | None, tile_size: int) -> Tensor:
    """The sum of k over all pairs, in float64; of one sample with itself, each pair is looked at once."""
    total = torch.zeros((), dtype=torch.float64, device=a.device)
    for (i, x), (j, y) in product(enumerate(a.split(tile_size)), enumerate(b.split(tile_size))):
        if a is not b or i <= j:
            times = 2 if a is b and i < j else 1
            total = total + times * kernel_matrix(x, y, kernel, bandwidth).sum(dtype=torch.float64)
    return total


def _average_within(total: Tensor, n: int, kernel: KernelName, statistic: Statistic) -> Tensor:
    """The mean of k over the pairs of one sample from their sum, with or without those of a point with itself."""
    if statistic == "biased":
        return total / n**2
    return (total - n * _kernel_at_zero(kernel)) / (n * (n - 1))


def _kernel_at_zero(kernel: KernelName) -> float:
    """k(x, x)."""
    return float(len(IMQ_SCALES)) if kernel == "imq" else 1.0
