"""The state of torch's global random generators."""

import torch


def seed_generators(seed: int) -> None:
    """Seed the generators of the CPU and of all GPUs in use, as `torch.manual_seed` does, in microseconds.

    While no GPU has been used, `torch.manual_seed` formats and keeps a traceback for the case that one will be, which
    takes two milliseconds.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
