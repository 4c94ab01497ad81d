"""Imported by a process that forks workers, so that none of them looks up again what is the same for all."""

import contextlib
import gc

from ..plugin.catalog import installed
from ..plugin.manager import BrokenPlugin, load, sources
from . import record
from . import worker as execute

__all__ = ["execute"]

BUILT_IN = "vimae-bench"


def _load_plugins() -> None:
    """The built-ins: of strangers' plugins nobody knows what they start when they are imported."""
    for source in sources():
        if source.distribution == BUILT_IN:
            with contextlib.suppress(BrokenPlugin):
                load(source)


installed()
record.software()
_load_plugins()
gc.freeze()  # collecting garbage a worker would otherwise write to, and so copy, all that it shares with the server
