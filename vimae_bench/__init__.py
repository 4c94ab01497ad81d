"""Compares autoencoder objectives. For notebooks and scripts: `load`, `train`, `combine` and `load_model`.

Authors of plugins import from `vimae_bench.plugin` and its neighbours. The four are loaded when first asked for, so
that commands which train nothing need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .plugin.hookspecs import hookimpl as hookimpl

if TYPE_CHECKING:
    from .engine.saved_model import load_model
    from .notebook.results import combine, load
    from .notebook.training import train

    __version__: str

__all__ = ["__version__", "combine", "hookimpl", "load", "load_model", "train"]

_HOMES = {
    "combine": "notebook.results",
    "load": "notebook.results",
    "load_model": "engine.saved_model",
    "train": "notebook.training",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("vimae-bench")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
