import torch

from vimae_bench.functional.random_state import seed_generators


def test_numbers_are_those_after_torchs_own_seeding():
    with torch.random.fork_rng(devices=[]):
        for seed in (0, 1, 2**63 - 1):
            torch.manual_seed(seed)
            expected = torch.randn(5), torch.randint(2**62, (5,))
            torch.rand(3)
            seed_generators(seed)
            assert all(map(torch.equal, (torch.randn(5), torch.randint(2**62, (5,))), expected))
