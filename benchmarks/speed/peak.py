"""How many operations a second the machine reaches in one large matrix product: what everything else is a share of."""

from pathlib import Path

import torch

from .workloads import Workload

SECONDS = 0.1


class Peak:
    """Products of square matrices: float32 of side 1024 on a CPU, bfloat16 of side 8192 on a GPU."""

    def __init__(self, workload: Workload, folder: Path):  # noqa: ARG002
        on_gpu = workload.device.startswith("cuda")
        side, dtype = (8192, torch.bfloat16) if on_gpu else (1024, torch.float32)
        self.a = torch.randn(side, side, dtype=dtype, device=workload.device)
        self.products = 1

    def slice(self) -> None:
        for _ in range(self.products):
            self.a @ self.a

    def close(self) -> None:
        """Nothing to clear up."""
