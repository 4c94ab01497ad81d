"""What plugins are made of: interfaces, hooks, and what an objective or a metric is handed.

The names are loaded on first access: the catalog of installed plugins is in this package too, and commands
that read it need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .hookspecs import hookimpl as hookimpl

if TYPE_CHECKING:
    from .author import *  # noqa: F403


def __getattr__(name: str) -> object:
    author = import_module(".author", __name__)
    if name == "__all__" or name in author.__all__:
        return getattr(author, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module(".author", __name__).__all__})
