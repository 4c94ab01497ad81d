"""What plugins are made of: interfaces, hooks, and the arguments of objectives and metrics.

The names that need torch are loaded on first access: the catalog of installed plugins is in this package too, and
neither commands that read it nor executors and reporters need to wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ..core.errors import BenchError as BenchError
from ..core.errors import DataError as DataError
from .declarations import Preset as Preset
from .declarations import RunOption as RunOption
from .declarations import Schedule as Schedule
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
