"""Digests of the source code of third-party plugins: a version says nothing of code that is being worked on."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .manager import PluginOrigin, find_plugins

HARNESS = "vimae-bench"
"""The distribution of the harness and the built-in plugins, whose version and commit are in every record."""


def compute_source_digests(origins: Iterable[PluginOrigin]) -> dict[str, str]:
    """The digest of the source of each top-level package or module that third-party plugins are in, by its name."""
    third_party = (origin for origin in origins if origin.distribution != HARNESS)
    names = sorted({_get_package(origin) for origin in third_party})
    return {name: digest for name in names if (digest := compute_source_digest(name))}


@cache
def compute_source_digest(package: str) -> str:
    """The first 16 hexadecimal digits of the sha256 of a package's Python files; empty where there are none.

    Computed once by each process, as a module is also imported once.
    """
    digest = hashlib.sha256()
    files = [path for path in list_source_files(package) if path.is_file()]
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16] if files else ""


def list_changed_packages(made_by: Mapping[str, Any]) -> list[str]:
    """The packages of plugins whose source is no longer the one that made a record or a measure.

    Those of another version are left out, as versions are compared by themselves, and so are those that are gone.
    """
    sources: Mapping[str, str] = made_by.get("sources") or {}
    if not sources:
        return []
    made, now = made_by.get("plugins") or {}, find_packages()
    kept = [name for name in sources if name in now and made.get(now[name].distribution) == now[name].version]
    return [name for name in kept if compute_source_digest(name) not in ("", sources[name])]


@cache
def find_packages() -> Mapping[str, PluginOrigin]:
    """The packages of the installed plugins; many records are compared with them."""
    return {_get_package(origin): origin for origin in find_plugins()}


def _get_package(origin: PluginOrigin) -> str:
    return origin.module.partition(":")[0].partition(".")[0]


def list_source_files(package: str) -> list[Path]:
    """The Python files of a package, or the file of a module, found without importing it."""
    spec = find_spec(package)
    if spec is None:
        return []
    folders = list(spec.submodule_search_locations or [])
    return [f for folder in folders for f in sorted(Path(folder).rglob("*.py"))] or [Path(spec.origin or "")]
