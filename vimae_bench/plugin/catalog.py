"""What every installed plugin is called, which settings it takes and what else it declares, cached between commands.

Building the catalog imports every plugin, and so torch, which takes seconds; reading it takes milliseconds. It is
rebuilt when a plugin is installed, removed or edited, and not cached while one of them is broken.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..core.canonical import Json, fingerprint
from ..core.errors import ResultsError, shorten_text, suggest_similar
from ..core.results import Measure
from ..storage.atomic import read_json, write_json
from ..storage.cache_folder import check_own_folder, get_user_folder, make_own_folder
from .declarations import Preset, RunOption
from .hookspecs import HOOKS
from .manager import PluginLoadError, PluginOrigin, find_plugins, get_factories, get_manager, get_presets, get_schedules
from .source_digest import list_source_files

OPTION_KINDS = ("executor", "reporter", "metric")
"""The kinds of plugin that may add options to the command line."""
RESERVED_SETTINGS = {"use", "version"}
"""What `PluginSpec.as_json` adds to a plugin's settings."""


@dataclass(frozen=True)
class CatalogEntry:
    """A plugin under one name: where it comes from, what it declares, the form of its settings."""

    kind: str
    name: str
    origin: PluginOrigin
    summary: str
    version: int
    form: Json
    changes: tuple[str, ...] = ()
    """Of a metric: what each version changed, from the second on."""
    slow: bool = False
    """Of a metric: whether its duration is worth saying beforehand."""
    default: bool = False
    """Whether it is used where no plugin of its kind is named."""
    validates: str = ""
    """Of a data set that tests on the held-out images of another: the setting that takes the other."""
    run_options: tuple[RunOption, ...] = ()
    measures: tuple[Measure, ...] = ()
    """Of a metric: what it measures with default settings; none if it has settings without a default."""
    option_forms: Json = field(default_factory=dict[str, Any])
    """The forms of those parameters that are set by a run option and are no part of the plugin's identity."""


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that cannot be used, and why. `name` is empty where the entire module is broken."""

    origin: PluginOrigin
    reason: str
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        subject = f"{self.kind} '{self.name}' of {self.origin}" if self.name else str(self.origin)
        return f"{subject}: {self.reason}"


@dataclass(frozen=True)
class Catalog:
    """All plugins by kind and name, those that cannot be used, and the presets and schedules by name."""

    entries: Sequence[CatalogEntry]
    broken: Sequence[BrokenPlugin]
    presets: Mapping[str, Preset] = field(default_factory=dict[str, Preset])
    schedules: Mapping[str, PluginOrigin] = field(default_factory=dict[str, PluginOrigin])
    """The plugin that defines each learning-rate schedule."""
    preset_origins: Mapping[str, PluginOrigin] = field(default_factory=dict[str, PluginOrigin])
    """The plugin that defines each preset."""
    _by_name: dict[tuple[str, str], CatalogEntry] = field(
        default_factory=dict[tuple[str, str], CatalogEntry], repr=False
    )

    def __post_init__(self) -> None:
        self._by_name.update({(entry.kind, entry.name): entry for entry in self.entries})

    def list_names(self, kind: str) -> list[str]:
        """The names of all plugins of a kind, sorted."""
        return sorted(name for of, name in self._by_name if of == kind)

    def list_defaults(self, kind: str) -> list[str]:
        """The names of the plugins of a kind that are used where none is named, sorted."""
        return [name for name in self.list_names(kind) if self._by_name[kind, name].default]

    def get_entry(self, kind: str, name: str) -> CatalogEntry:
        """The entry of a plugin.

        Raises LookupError with a message that suggests a similar name, or names the broken plugin that was meant.
        """
        if entry := self._by_name.get((kind, name)):
            return entry
        for broken in self.broken:
            if (broken.kind, broken.name) == (kind, name):
                raise LookupError(f"cannot be used: {broken}")
        unloaded = "".join(f"; {b.origin} could not be loaded: {b.reason}" for b in self.broken if not b.name)
        raise LookupError(
            f"no {kind} is called {shorten_text(name)}{suggest_similar(name, self.list_names(kind))}{unloaded}"
        )

    def get_form(self, kind: str, name: str) -> tuple[Json, int]:
        """The form and the version of a plugin, as `settings.SettingsChecker` wants them. Raises LookupError."""
        entry = self.get_entry(kind, name)
        return entry.form, entry.version


@cache
def get_catalog() -> Catalog:
    """The catalog of what is installed, from the cache where that is up to date."""
    try:
        return _from_json(_read_cache("catalog"))
    except (OSError, ResultsError, KeyError, TypeError):  # not there, or damaged
        catalog = build_catalog(find_plugins())
    if not catalog.broken:
        _write_cache("catalog", _as_json(catalog))
    return catalog


@cache
def read_cached_description(name: str, describe: Callable[[], Json]) -> Json:
    """A description made by `describe` from the installed code, cached until a plugin or the harness changes."""
    try:
        return _read_cache(name)
    except (OSError, ResultsError):
        description = describe()
    _write_cache(name, description)
    return description


def build_catalog(origins: Sequence[PluginOrigin]) -> Catalog:
    """Load every plugin and describe what it offers."""
    entries: list[CatalogEntry] = []
    broken: list[BrokenPlugin] = []
    presets, schedules, preset_origins = dict[str, Preset](), dict[str, PluginOrigin](), dict[str, PluginOrigin]()
    for origin in origins:
        try:
            get_manager().load_plugin(origin)
        except PluginLoadError as error:
            broken.append(BrokenPlugin(origin, str(error)))
            continue
        for item in _describe_classes(origin):
            (entries if isinstance(item, CatalogEntry) else broken).append(item)  # pyright: ignore[reportArgumentType]
        try:
            presets |= (own := get_presets(origin))
            preset_origins |= dict.fromkeys(own, origin)
            schedules |= dict.fromkeys(get_schedules(origin), origin)
        except PluginLoadError as error:
            broken.append(BrokenPlugin(origin, str(error)))
    unique, ambiguous = _split_ambiguous(entries)
    return Catalog(unique, [*broken, *ambiguous], presets, schedules, preset_origins)


def _describe_classes(origin: PluginOrigin) -> Iterator[CatalogEntry | BrokenPlugin]:
    for kind in HOOKS:
        try:
            for name, factory in get_factories(kind, origin).items():
                yield _describe_class(kind, name, factory, origin)
        except PluginLoadError as error:
            yield BrokenPlugin(origin, str(error))


def _describe_class(kind: str, name: str, factory: Any, origin: PluginOrigin) -> CatalogEntry | BrokenPlugin:  # noqa: ANN401
    from .kinds import INTERFACES
    from .settings import describe_settings

    try:
        form = describe_settings(factory, INTERFACES)
    except Exception as error:  # whatever a plugin's annotations do to typing or pydantic
        return BrokenPlugin(origin, f"its settings cannot be read: {error}", kind, name)
    options: tuple[RunOption, ...] = tuple(getattr(factory, "run_options", ()))
    version, changes = getattr(factory, "version", 1), getattr(factory, "changes", ())
    validates = getattr(factory, "validates", "")
    if reason := _explain_unusable(kind, form, options, version, changes, validates):
        return BrokenPlugin(origin, reason, kind, name)
    option_forms = _take_option_forms(form, options) if kind == "metric" else {}
    summary = str(factory.__doc__ or "").strip().split("\n")[0]
    slow, default = (bool(getattr(factory, name, False)) for name in ("slow", "default"))
    measures = _list_default_measures(factory) if kind == "metric" else ()
    return CatalogEntry(
        kind, name, origin, summary, version, form, changes, slow, default, validates, options, measures, option_forms
    )


def _list_default_measures(factory: Any) -> tuple[Measure, ...]:  # noqa: ANN401
    try:
        return tuple(factory().measures())
    except Exception:  # settings without a default, or whatever else a plugin does
        return ()


def _explain_unusable(
    kind: str, form: Json, options: Sequence[object], version: object, changes: object, validates: str
) -> str:
    """Why what a plugin says of itself cannot be; empty if it can."""
    fields: Json = form["fields"]
    if taken := sorted(RESERVED_SETTINGS & fields.keys()):
        return f"its setting {taken[0]!r} has a name that every plugin's identity uses"
    if tables := [name for name, field in fields.items() if "fields" in field or "fields" in field.get("list", {})]:
        return f"its setting {tables[0]!r} is a table; it has to be a value or a plugin"
    if type(version) is not int:
        return f"its version is {shorten_text(version)}; it has to be an integer"
    if changes and not (isinstance(changes, tuple) and [*map(type, changes)] == [str] * (version - 1)):
        return f"its changes are {shorten_text(changes)}; they have to be a text for each version after the first"
    if options and kind not in OPTION_KINDS:
        return f"it declares run_options, which only {', '.join(OPTION_KINDS[:-1])} and {OPTION_KINDS[-1]} may"
    for option in options:
        if not isinstance(option, RunOption):
            return f"its run_options hold {shorten_text(option)}, which is not a RunOption"
        if option.setting and option.setting not in fields:
            return f"its option {option.flag} sets {option.setting!r}, and it has no such setting"
    return f"validates names {validates!r}, and it has no such setting" if validates and validates not in fields else ""


def _take_option_forms(form: Json, options: Sequence[RunOption]) -> Json:
    """Take out of a form the settings that options set, which are no part of an identity."""
    names = {option.setting for option in options if option.setting}
    form["required"] = [name for name in form["required"] if name not in names]
    return {name: form["fields"].pop(name) for name in names}


def _split_ambiguous(entries: Sequence[CatalogEntry]) -> tuple[list[CatalogEntry], list[BrokenPlugin]]:
    """The entries whose name no other has, and the names that several have, as broken plugins."""
    by_name: dict[tuple[str, str], list[CatalogEntry]] = {}
    for entry in entries:
        by_name.setdefault((entry.kind, entry.name), []).append(entry)
    ambiguous: list[BrokenPlugin] = []
    for key, same in by_name.items():
        if len(same) > 1:
            owners = " and ".join(str(entry.origin) for entry in same)
            ambiguous.append(BrokenPlugin(same[0].origin, f"the name is claimed by {owners}; uninstall one", *key))
    return [same[0] for same in by_name.values() if len(same) == 1], ambiguous


def _cache_path(name: str) -> Path:
    """The file of a description, in a folder of this environment, so that others keep theirs."""
    folder = get_user_folder() / f"environment-{fingerprint(sys.prefix)}"
    return folder / f"{name}-{fingerprint_code()}.json"


@cache
def fingerprint_code() -> str:
    """A fingerprint of every plugin's files and of the harness's own: when it changes, so may the catalog."""
    origins = find_plugins()
    packages = {"vimae_bench", *(origin.module.split(":")[0].split(".")[0] for origin in origins)}
    files = [
        (str(f), f.stat().st_mtime_ns, f.stat().st_size) for name in sorted(packages) for f in list_source_files(name)
    ]
    return fingerprint([sys.version, sys.prefix, [asdict(origin) for origin in origins], files])


def _read_cache(name: str) -> Json:
    """What is kept under a name. Raises ResultsError where it is damaged, and OSError where others may have made it."""
    path = _cache_path(name)
    check_own_folder(get_user_folder())
    check_own_folder(path.parent)
    return read_json(path)


def _write_cache(name: str, description: Json) -> None:
    path = _cache_path(name)
    try:
        make_own_folder(get_user_folder())
        make_own_folder(path.parent)
        for old in path.parent.glob(f"{name}-*.json"):
            old.unlink(missing_ok=True)
        write_json(path, description)
    except (OSError, ResultsError):
        # A home that cannot be written costs the time of building it again, and nothing else.
        return


def _as_json(catalog: Catalog) -> Json:
    named = {
        "presets": {name: asdict(preset) for name, preset in catalog.presets.items()},
        "schedules": {name: asdict(origin) for name, origin in catalog.schedules.items()},
        "preset_origins": {name: asdict(origin) for name, origin in catalog.preset_origins.items()},
    }
    return {"entries": [asdict(entry) for entry in catalog.entries], **named}


def _from_json(raw: Json) -> Catalog:
    return Catalog(
        [_entry_from_json(entry) for entry in raw["entries"]],
        (),
        {name: Preset(**preset) for name, preset in raw["presets"].items()},
        {name: PluginOrigin(**origin) for name, origin in raw["schedules"].items()},
        {name: PluginOrigin(**origin) for name, origin in raw["preset_origins"].items()},
    )


def _entry_from_json(raw: Json) -> CatalogEntry:
    options = tuple(RunOption(**option) for option in raw["run_options"])
    objects: Json = {
        "origin": PluginOrigin(**raw["origin"]),
        "run_options": options,
        "changes": tuple(raw["changes"]),
        "measures": tuple(Measure(**measure) for measure in raw["measures"]),
    }
    return CatalogEntry(**{**raw, **objects})
