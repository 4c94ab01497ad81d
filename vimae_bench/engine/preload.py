"""Imported by a process that forks workers, so that none of them loads again what all of them use."""

import contextlib
import gc

from ..plugin.catalog import get_catalog
from ..plugin.manager import PluginLoadError, find_plugins, get_manager
from . import record, worker

__all__ = ["worker"]

BUILT_IN = "vimae-bench"


def _load_builtins() -> None:
    """Third-party plugins are left out: what they start when they are imported is unknown."""
    for origin in find_plugins():
        if origin.distribution == BUILT_IN:
            with contextlib.suppress(PluginLoadError):
                get_manager().load_plugin(origin)


get_catalog()
record.describe_software()
_load_builtins()
gc.freeze()  # collecting garbage a worker would otherwise write to, and so copy, all that it shares with the server
