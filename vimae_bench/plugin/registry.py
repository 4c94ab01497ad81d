"""Makes plugins from their names and settings."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from ..core.canonical import Json
from ..core.errors import BenchError, InvalidFileError, Problem, shorten_text, suggest_similar
from ..core.spec import PluginSpec, Run
from .catalog import Catalog, CatalogEntry, get_catalog
from .declarations import Schedule
from .isolation import preserve_global_state
from .manager import PLUGIN_ERRORS, PluginLoadError, PluginOrigin, get_factories, get_schedules
from .settings import SettingsChecker, format_path


def complete_spec(kind: str, raw: Any, catalog: Catalog, source: str = "") -> PluginSpec:  # noqa: ANN401
    """A plugin by its name, or by a table with `use` and settings, with all its settings filled in.

    Raises InvalidFileError with all that is wrong; its lines begin with the `source` of the settings.
    """
    checker = SettingsChecker(catalog.get_form)
    completed = checker.complete({"plugin": kind}, raw)
    if checker.problems:
        raise InvalidFileError(source, [Problem(format_path(where), what) for where, what in checker.problems])
    return PluginSpec.from_json(completed)


def find_changed_settings(kind: str, spec: PluginSpec, catalog: Catalog) -> dict[str, Any]:
    """The settings of a plugin that are not at their default, or have none."""
    form, _ = catalog.get_form(kind, spec.name)
    checker = SettingsChecker(catalog.get_form)

    def is_default(name: str, value: object) -> bool:
        field = form["fields"].get(name, {})
        if "default" not in field:
            return False
        default = field["default"] if "schema" in field else checker.complete(field, field["default"])
        return value == default

    return {name: value for name, value in spec.settings.items() if not is_default(name, value)}


def make_plugin(kind: str, spec: PluginSpec, *arguments: object, catalog: Catalog | None = None) -> Any:  # noqa: ANN401
    """The plugin of this kind and name, made with its settings; plugins among the settings are made first.

    `arguments` are what the harness gives to plugins of this kind, by position: to a prior the latent size.
    Raises BenchError for a name that is not installed, and for settings that the plugin itself refuses.
    """
    catalog = catalog or get_catalog()
    try:
        entry = catalog.get_entry(kind, spec.name)
    except LookupError as error:
        raise BenchError(f"{spec.name}: {error.args[0]}") from error
    factory = load_factory(entry)
    fields: Json = entry.form["fields"]
    settings = {name: _make_setting(fields.get(name, {}), v, catalog) for name, v in spec.settings.items()}
    try:
        with preserve_global_state(generators=False, environment=False):
            return factory(*arguments, **settings, **spec.options)
    except (TypeError, ValueError) as error:
        raise BenchError(f"{kind} '{spec.name}' refuses its settings: {error}") from error
    except PLUGIN_ERRORS as error:
        raise BenchError(
            f"{kind} '{spec.name}' of {entry.origin} raised {shorten_text(error)} when it was made"
        ) from error


def make_prior_factory(spec: PluginSpec, catalog: Catalog | None = None) -> Callable[[int], Any]:
    """The prior of this name and settings as a function of the number of latent dimensions, which its model has."""
    return partial(make_plugin, "prior", spec, catalog=catalog)


def list_origins(kind: str, spec: PluginSpec, catalog: Catalog) -> Iterator[PluginOrigin]:
    """Where a plugin and those among its settings come from; those that are not installed are left out."""
    try:
        entry = catalog.get_entry(kind, spec.name)
    except LookupError:
        return
    yield entry.origin
    fields: Json = entry.form["fields"]
    for name, value in spec.settings.items():
        form = fields.get(name, {})
        inner = form.get("plugin") or form.get("list", {}).get("plugin")
        for item in value if isinstance(value, list) else [value]:
            if inner and isinstance(item, Mapping):
                yield from list_origins(inner, PluginSpec.from_json(item), catalog)


def list_run_origins(run: Run) -> Iterator[PluginOrigin]:
    """Where the plugins come from whose code decides what a training computes; a data set's data are compared."""
    catalog = get_catalog()
    for kind in ("architecture", "objective", "prior"):
        yield from list_origins(kind, getattr(run, kind), catalog)
    if run.training.schedule in catalog.schedules:
        yield catalog.schedules[run.training.schedule]


def load_factory(entry: CatalogEntry) -> Callable[..., object]:
    """The class of a plugin. Raises BenchError if it can no longer be loaded."""
    try:
        return get_factories(entry.kind, entry.origin)[entry.name]
    except (PluginLoadError, KeyError) as error:
        raise BenchError(f"{entry.kind} '{entry.name}' of {entry.origin} cannot be used: {error}") from error


@cache
def load_schedule(name: str) -> Schedule:
    """A learning-rate schedule by its name. Raises BenchError if it is not installed."""
    schedules = get_catalog().schedules
    try:
        return get_schedules(schedules[name])[name]
    except (PluginLoadError, KeyError) as error:
        hint = suggest_similar(name, schedules)
        raise BenchError(f"no learning-rate schedule {shorten_text(name)} can be loaded{hint}") from error


def _make_setting(form: Json, value: Any, catalog: Catalog) -> Any:  # noqa: ANN401
    if "plugin" in form and isinstance(value, Mapping):
        return make_plugin(form["plugin"], PluginSpec.from_json(value), catalog=catalog)
    if isinstance(value, list):
        inner = {"plugin": form["list"]["plugin"]} if "list" in form else {}
        return tuple(_make_setting(inner, item, catalog) for item in value)
    return value
