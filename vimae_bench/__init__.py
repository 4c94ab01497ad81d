"""Compares autoencoder objectives. For notebooks and scripts: `load`, `train` and `combine`.

Authors of plugins import from `vimae_bench.plugin` and its neighbours. `load` and `train` are loaded when first asked
for, so that commands which train nothing need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .plugin.hookspecs import hookimpl as hookimpl

if TYPE_CHECKING:
    from .notebook.results import combine, load
    from .notebook.training import train

    __version__: str

__all__ = ["__version__", "combine", "hookimpl", "load", "train"]

_HOMES = {"combine": "results", "load": "results", "train": "training"}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("vimae-bench")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".notebook.{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
