"""Imported by a process that forks workers, so that none of them looks up again what is the same for all."""

import contextlib
import gc

from ..plugin.catalog import get_catalog
from ..plugin.manager import PluginLoadError, find_plugins, load
from . import record
from . import worker as execute

__all__ = ["execute"]

BUILT_IN = "vimae-bench"


def _load_plugins() -> None:
    """The built-ins: of strangers' plugins nobody knows what they start when they are imported."""
    for source in find_plugins():
        if source.distribution == BUILT_IN:
            with contextlib.suppress(PluginLoadError):
                load(source)


get_catalog()
record.software()
_load_plugins()
gc.freeze()  # collecting garbage a worker would otherwise write to, and so copy, all that it shares with the server
