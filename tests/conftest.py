"""What all tests share: one thread, a fresh seed for each test, and `--device` for those that can use another one."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vimae_bench import Frame
from vimae_bench.plan import catalogue


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="where the models of the tests live, such as cuda:0")


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1)


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(autouse=True)
def _seeded(device: torch.device):
    """Every test starts from the same seed and leaves the generators as it found them."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


class LinearArchitecture:
    """The architecture for which everything is known in closed form: no layer but one, no squashing of pixels."""

    def encoder(self, frame: Frame, heads: int) -> nn.Module:
        return LinearHeads(frame, heads)

    def decoder(self, frame: Frame) -> nn.Module:
        return nn.Sequential(nn.Linear(frame.latent, frame.pixels), nn.Unflatten(1, frame.shape))


class LinearHeads(nn.Module):
    def __init__(self, frame: Frame, heads: int):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(frame.pixels, frame.latent) for _ in range(heads))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(x.flatten(1)) for head in self.heads)


@pytest.fixture
def linear() -> LinearArchitecture:
    return LinearArchitecture()


GOOD = """
from vimae_bench import hookimpl

class Echo:
    '''Gives the number it is given.'''
    def __init__(self, number: float = 1.0): self.number = number
    def __call__(self, z, prior): return self.number

@hookimpl
def vimae_divergences():
    return {"echo": Echo}
"""


@pytest.fixture
def fresh_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No catalogue is kept from before, and none is left for later."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    catalogue.installed.cache_clear()
    yield
    catalogue.installed.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_catalogue: None):
    """Install a module with its entry point, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))  # for processes that a test starts

    def installed(name: str, source: str = GOOD, version: str = "1.0") -> Path:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[vimae_bench]\n{name} = {name}\n")
        (site / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        catalogue.installed.cache_clear()
        return site / f"{name}.py"

    return installed
