"""The plugin manager: finds installed plugins, loads each when it is first needed, and calls its hooks."""

import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, cast

import pluggy

from ..core.canonical import is_valid_name
from ..core.errors import shorten_text
from .declarations import Preset, Schedule
from .hookspecs import ENTRY_POINT_GROUP, HOOKS
from .isolation import preserve_global_state

PLUGIN_ERRORS = (Exception, SystemExit)
"""What the code of a plugin may raise; a KeyboardInterrupt is the user's."""


@dataclass(frozen=True)
class PluginOrigin:
    """Where a plugin comes from: its entry point, and the distribution and version that declare it."""

    entry_point: str
    module: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.entry_point} ({self.distribution} {self.version})"


class PluginLoadError(Exception):
    """A plugin cannot be used; the message is the reason."""


class PluginManager(pluggy.PluginManager):
    """Pluggy's manager with the hooks of this package, which loads entry points one by one.

    So a plugin that is broken, or slow to import, harms none of the others.
    """

    def __init__(self):
        super().__init__(ENTRY_POINT_GROUP)
        self.add_hookspecs(import_module(".hookspecs", __package__))

    def load_plugin(self, origin: PluginOrigin) -> ModuleType:
        """The plugin's module, registered if it was not.

        Raises PluginLoadError if the module raises or exits at import, or implements a hook that does not exist.
        """
        is_new = origin.module.partition(":")[0] not in sys.modules
        with preserve_global_state(environment=False) if is_new else nullcontext():
            module = _import_module(origin)
        if not self.is_registered(module):
            try:
                self.register(module, name=f"{origin.distribution}:{origin.entry_point}")
                self.check_pending()
            except pluggy.PluginValidationError as error:
                if self.is_registered(module):
                    self.unregister(module)
                raise PluginLoadError(" ".join(str(error).split())) from error
        return module

    def call_hook(self, hook: str, origin: PluginOrigin) -> Any:  # noqa: ANN401
        """What one plugin's implementation of a hook returns; None if it has none.

        Raises PluginLoadError if the plugin cannot be loaded, or its hook raises or returns nothing.
        """
        module = self.load_plugin(origin)
        if not any(implementation.plugin is module for implementation in getattr(self.hook, hook).get_hookimpls()):
            return None
        others = [plugin for plugin in self.get_plugins() if plugin is not module]
        try:
            with preserve_global_state(generators=False, environment=False):
                results: list[Any] = self.subset_hook_caller(hook, others)()
        except PLUGIN_ERRORS as error:
            raise PluginLoadError(f"{hook} raised {error!r}") from error
        if not results:
            raise PluginLoadError(f"{hook} returned nothing")
        return results[0]


@cache
def get_manager() -> PluginManager:
    """The manager of this process. Processes that are forked from it inherit the plugins that it has loaded."""
    return PluginManager()


def find_plugin_line(error: BaseException) -> str:
    """The last line of a plugin that an error came through, as `mylab.py, line 12`; empty if it came through none."""
    packages = {module.__name__.partition(".")[0] for module in get_manager().get_plugins()}
    frames = traceback.walk_tb(error.__traceback__)
    lines = [(f.f_code.co_filename, n) for f, n in frames if _get_package(f.f_globals) in packages]
    return "{}, line {}".format(*lines[-1]) if lines else ""


def _get_package(namespace: Mapping[str, Any]) -> str:
    return str(namespace.get("__name__", "")).partition(".")[0]


def find_plugins() -> list[PluginOrigin]:
    """Every installed plugin, in a stable order. None is loaded."""
    origins = set[PluginOrigin]()
    provenance: dict[int, tuple[str, str]] = {}  # reading the metadata of a distribution takes a millisecond
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry_point.dist
        if id(distribution) not in provenance:
            named = (distribution.name, distribution.version) if distribution else ("?", "?")
            provenance[id(distribution)] = named
        origins.add(PluginOrigin(entry_point.name, entry_point.value, *provenance[id(distribution)]))
    return sorted(origins, key=lambda origin: (origin.distribution, origin.entry_point, origin.module))


def get_factories(kind: str, origin: PluginOrigin) -> Mapping[str, Callable[..., object]]:
    """The classes of one kind that a plugin offers, by name. Raises PluginLoadError if it cannot be used."""
    return _get_offered(HOOKS[kind], origin, "classes", callable)


def get_presets(origin: PluginOrigin) -> Mapping[str, Preset]:
    """The presets that a plugin offers, by name. Raises PluginLoadError if it cannot be used."""
    return _get_offered("vimae_presets", origin, "presets", lambda offered: isinstance(offered, Preset))


def get_schedules(origin: PluginOrigin) -> Mapping[str, Schedule]:
    """The learning-rate schedules that a plugin offers, by name. Raises PluginLoadError if it cannot be used."""
    return _get_offered("vimae_schedules", origin, "functions", callable)


def _get_offered(hook: str, origin: PluginOrigin, what: str, is_valid: Callable[[Any], bool]) -> Mapping[str, Any]:
    offered: Any = get_manager().call_hook(hook, origin)
    if offered is None:
        return {}
    if not isinstance(offered, Mapping) or not all(map(is_valid, cast("Mapping[str, Any]", offered).values())):
        raise PluginLoadError(f"{hook} has to return a mapping of names to {what}, not {offered!r}")
    if invalid := [name for name in cast("Mapping[str, Any]", offered) if not is_valid_name(name)]:
        raise PluginLoadError(f"{hook} returned {shorten_text(invalid[0])}, which cannot be the name of a plugin")
    return cast("Mapping[str, Any]", offered)


def _import_module(origin: PluginOrigin) -> ModuleType:
    try:
        return EntryPoint(origin.entry_point, origin.module, ENTRY_POINT_GROUP).load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginLoadError(f"raised {type(error).__name__} at import: {error}") from error
