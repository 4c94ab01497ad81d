"""Plugins installed while tests run."""

from vimae_bench.plugin.catalog import fingerprint_code, get_catalog, read_cached_description
from vimae_bench.plugin.manager import get_manager
from vimae_bench.plugin.registry import load_schedule
from vimae_bench.plugin.source_digest import compute_source_digest, find_packages


def forget_plugins():
    """Have this process look again at what is installed."""
    for cached in (
        fingerprint_code,
        get_catalog,
        read_cached_description,
        get_manager,
        load_schedule,
        compute_source_digest,
        find_packages,
    ):
        cached.cache_clear()
