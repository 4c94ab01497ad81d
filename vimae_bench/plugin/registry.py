"""Names made into objects, where they are used and nowhere else."""

from collections.abc import Callable, Mapping
from typing import Any

from ..core.canonical import Json
from ..core.errors import BenchError, brief
from ..core.spec import Choice
from .catalog import Catalog, CatalogEntry, get_catalog
from .manager import PLUGIN_ERRORS, PluginLoadError, factories, load


def make_plugin(kind: str, choice: Choice, catalog: Catalog | None = None) -> Any:  # noqa: ANN401
    """The plugin of this kind and name, made with its settings; inner plugins are made first.

    Raises BenchError for a name that is not there (any more), and for settings the plugin itself refuses.
    """
    known = catalog or get_catalog()
    try:
        entry = known.get_entry(kind, choice.use)
    except LookupError as error:
        raise BenchError(f"{choice.use}: {error.args[0]}") from error
    factory = _factory(entry)
    settings = {name: _setting(entry.form["fields"].get(name, {}), v, known) for name, v in choice.settings.items()}
    try:
        return factory(**settings)
    except (TypeError, ValueError) as error:
        raise BenchError(f"{kind} '{choice.use}' refuses its settings: {error}") from error
    except PLUGIN_ERRORS as error:
        raise BenchError(f"{kind} '{choice.use}' of {entry.origin} raised {brief(error)} when it was made") from error


def _factory(entry: CatalogEntry) -> Callable[..., object]:
    """What makes a plugin. Raises BenchError for one that was whole when the catalog was made, and no longer is."""
    try:
        return dict(factories(load(entry.origin), entry.kind))[entry.name]
    except (PluginLoadError, KeyError) as error:
        raise BenchError(f"{entry.kind} '{entry.name}' of {entry.origin} cannot be used: {error}") from error


def _setting(form: Json, value: Any, catalog: Catalog) -> Any:  # noqa: ANN401
    if "plugin" in form and isinstance(value, Mapping):
        return make_plugin(form["plugin"], Choice.from_json(value), catalog)
    if isinstance(value, list):
        return tuple(_setting({"plugin": form["list"]["plugin"]} if "list" in form else {}, v, catalog) for v in value)
    return value
