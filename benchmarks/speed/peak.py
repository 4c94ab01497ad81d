"""Operations per second in one large matrix product, to which training is compared."""

import torch

from .workloads import Workload


class Peak:
    """Products of square matrices: float32 of size 1024 on a CPU, bfloat16 of size 8192 on a GPU."""

    def __init__(self, workload: Workload):
        side, dtype, self.products = _size(workload.device)
        self.a = torch.randn(side, side, dtype=dtype, device=workload.device)
        self.out = torch.empty_like(self.a)

    def slice(self) -> None:
        for _ in range(self.products):
            torch.mm(self.a, self.a, out=self.out)


def flops(device: str) -> float:
    """Floating-point operations of a slice."""
    side, _, products = _size(device)
    return 2.0 * side**3 * products


def _size(device: str) -> tuple[int, torch.dtype, int]:
    return (8192, torch.bfloat16, 50) if device == "cuda" else (1024, torch.float32, 5)
