"""Plugins as they are installed: found by entry point, loaded one by one, so that a broken one harms no other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

import pluggy

from ..core.canonical import is_name
from ..core.errors import brief
from . import hookspecs as hooks


@dataclass(frozen=True)
class PluginOrigin:
    """Where a plugin comes from: its entry point, and the distribution and version that declare it."""

    entry_point: str
    module: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.entry_point} ({self.distribution} {self.version})"


PLUGIN_ERRORS = (Exception, SystemExit)
"""What a stranger's code may raise; a KeyboardInterrupt is the user's."""


class PluginLoadError(Exception):
    """A plugin that cannot be used, with the reason."""


def find_plugins() -> list[PluginOrigin]:
    """Every installed plugin, in a stable order."""
    found = {_source(entry) for entry in entry_points(group=hooks.ENTRY_POINT_GROUP)}
    return sorted(found, key=lambda s: (s.distribution, s.entry_point, s.module))


def load(source: PluginOrigin) -> pluggy.PluginManager:
    """A manager holding this plugin alone.

    Raises BrokenPlugin if it raises (or exits) at import, or implements a hook that does not exist.
    """
    module = _import(source)
    try:
        return _managed(module, source.entry_point)
    except pluggy.PluginValidationError as error:
        raise PluginLoadError(" ".join(str(error).split())) from error


@cache
def _managed(module: ModuleType, name: str) -> pluggy.PluginManager:
    """Kept for each module, since a run makes a dozen plugins and a server of workers has them made before it forks."""
    manager = pluggy.PluginManager(hooks.ENTRY_POINT_GROUP)
    manager.add_hookspecs(hooks)
    manager.register(module, name=name)
    manager.check_pending()
    return manager


def factories(manager: pluggy.PluginManager, kind: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """What a loaded plugin offers of one kind: names and what makes them. Raises BrokenPlugin if the hook raises."""
    for implementation in getattr(manager.hook, hooks.HOOKS[kind]).get_hookimpls():
        try:
            offered = implementation.function()
        except PLUGIN_ERRORS as error:
            raise PluginLoadError(f"{hooks.HOOKS[kind]} raised {error!r}") from error
        if not isinstance(offered, Mapping) or not all(callable(make) for make in offered.values()):
            raise PluginLoadError(f"{hooks.HOOKS[kind]} has to return a mapping of names to classes, not {offered!r}")
        if odd := [name for name in offered if not is_name(name)]:
            raise PluginLoadError(f"{hooks.HOOKS[kind]} calls something {brief(odd[0])}, which is no name of a plugin")
        yield from offered.items()


def _import(source: PluginOrigin) -> ModuleType:
    try:
        return EntryPoint(source.entry_point, source.module, hooks.ENTRY_POINT_GROUP).load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginLoadError(f"raised {type(error).__name__} at import: {error}") from error


def _source(entry: EntryPoint) -> PluginOrigin:
    dist = entry.dist
    return PluginOrigin(entry.name, entry.value, dist.name if dist else "?", dist.version if dist else "?")
