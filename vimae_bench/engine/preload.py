"""Imported by a process that forks workers, so that none of them loads again what all of them use."""

import contextlib
import gc
from importlib import import_module

import numpy as np

from ..plugin.catalog import get_catalog
from ..plugin.manager import PluginLoadError, find_plugins, get_manager
from .step.compiler_cache import reserve_compiler_cache

SHARED_MODULES = (
    "PIL.ImageDraw",
    "PIL.ImageFont",
    "PIL.PngImagePlugin",
    "contourpy",
    "safetensors.torch",
    "sklearn.svm",
    "sklearn.decomposition",
    "vimae_bench.engine.worker",
)
"""What workers need and what takes long to import."""
BUILT_IN = "vimae-bench"


def _load_shared() -> None:
    """Import all of it without a look for garbage, as there is none, and keep the collector away from it.

    Collecting garbage, a worker would write to all that it shares with the server, and so copy it.
    """
    gc.disable()
    reserve_compiler_cache()
    for name in SHARED_MODULES:
        import_module(name)
    from ..metrics import fit_rbf_svm
    from .provenance import describe_software

    get_catalog()
    describe_software()
    _load_builtins()
    fit_rbf_svm(np.eye(2), np.arange(2)).predict(np.eye(2))  # whose first call looks for plugins of scikit-learn
    gc.freeze()
    gc.enable()


def _load_builtins() -> None:
    """Third-party plugins are left out: what they start when they are imported is unknown."""
    for origin in find_plugins():
        if origin.distribution == BUILT_IN:
            with contextlib.suppress(PluginLoadError):
                get_manager().load_plugin(origin)


_load_shared()
