"""What every installed plugin is called and which settings it takes, kept between commands.

Building it imports every plugin, and so torch, which takes seconds; reading it takes milliseconds. It is built anew
when a plugin is installed, removed or edited, and never kept while one of them is broken.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs

from ..core.canonical import Json, fingerprint
from ..core.errors import ResultsError, brief, did_you_mean
from ..storage.atomic import read_json, write_json
from .hookspecs import HOOKS
from .manager import PluginLoadError, PluginOrigin, factories, find_plugins, load

RESERVED_SETTINGS = {"use", "version"}
"""What `Choice.as_json` puts beside a plugin's settings."""


@dataclass(frozen=True)
class CatalogEntry:
    """A plugin under one name: where it comes from, what it says of itself, the form of its settings."""

    kind: str
    name: str
    origin: PluginOrigin
    summary: str
    version: int
    form: Json
    slow: bool = False
    """Of a metric: whether it is worth saying beforehand how long it takes."""


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that cannot be used, and why. `name` is empty where the whole module is broken."""

    origin: PluginOrigin
    reason: str
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.kind} '{self.name}' of {self.origin}" if self.name else str(self.origin)
        return f"{what}: {self.reason}"


@dataclass(frozen=True)
class Catalog:
    """All plugins by kind and name, and those that cannot be used."""

    entries: Sequence[CatalogEntry]
    broken: Sequence[BrokenPlugin]
    _by_name: dict[tuple[str, str], CatalogEntry] = field(
        default_factory=dict[tuple[str, str], CatalogEntry], repr=False
    )

    def __post_init__(self) -> None:
        self._by_name.update({(e.kind, e.name): e for e in self.entries})

    def list_names(self, kind: str) -> list[str]:
        return sorted(name for of, name in self._by_name if of == kind)

    def get_entry(self, kind: str, name: str) -> CatalogEntry:
        """Raises LookupError with a message that names what is near, or the broken plugin that may have been meant."""
        if found := self._by_name.get((kind, name)):
            return found
        for broken in self.broken:
            if (broken.kind, broken.name) == (kind, name):
                raise LookupError(f"cannot be used: {broken}")
        lost = "".join(f"; {b.origin} could not be loaded: {b.reason}" for b in self.broken if not b.name)
        raise LookupError(f"no {kind} is called {brief(name)}{did_you_mean(name, self.list_names(kind))}{lost}")

    def get_form(self, kind: str, name: str) -> tuple[Json, int]:
        """The form and the version of a plugin, as `settings.Checker` wants them. Raises LookupError."""
        entry = self.get_entry(kind, name)
        return entry.form, entry.version


@cache
def get_catalog() -> Catalog:
    """The catalog of what is installed, from the cache where that still holds."""
    try:
        return _from_json(read_json(_cache_path("catalog")))
    except (ResultsError, KeyError, TypeError):  # not there, or damaged
        made = build_catalog(find_plugins())
    if not made.broken:
        _keep("catalog", {"entries": [asdict(e) for e in made.entries]})
    return made


def read_cached_description(name: str, describe: Callable[[], Json]) -> Json:
    """A description made by `describe_settings`, kept until a plugin or the harness changes."""
    try:
        return read_json(_cache_path(name))
    except ResultsError:
        made = describe()
    _keep(name, made)
    return made


def _cache_path(name: str) -> Path:
    return Path(platformdirs.user_cache_dir("vimae-bench")) / f"{name}-{_state()}.json"


def build_catalog(found: Sequence[PluginOrigin]) -> Catalog:
    """Load every plugin and describe what it offers."""
    entries: list[CatalogEntry] = []
    broken: list[BrokenPlugin] = []
    for source in found:
        for item in _offered(source):
            (entries if isinstance(item, CatalogEntry) else broken).append(item)  # pyright: ignore[reportArgumentType]
    claims: dict[tuple[str, str], list[CatalogEntry]] = {}
    for entry in entries:
        claims.setdefault((entry.kind, entry.name), []).append(entry)
    for claim in claims.values():
        if len(claim) > 1:
            owners = " and ".join(str(e.origin) for e in claim)
            broken += [
                BrokenPlugin(claim[0].origin, f"the name is claimed by {owners}; uninstall one", *_key(claim[0]))
            ]
    return Catalog([c[0] for c in claims.values() if len(c) == 1], broken)


def _key(entry: CatalogEntry) -> tuple[str, str]:
    return entry.kind, entry.name


def _offered(source: PluginOrigin) -> Iterator[CatalogEntry | BrokenPlugin]:
    try:
        manager = load(source)
    except PluginLoadError as error:
        yield BrokenPlugin(source, str(error))
        return
    for kind in HOOKS:
        try:
            for name, make in factories(manager, kind):
                yield _described(kind, name, make, source)
        except PluginLoadError as error:
            yield BrokenPlugin(source, str(error))


def _described(kind: str, name: str, make: Any, source: PluginOrigin) -> CatalogEntry | BrokenPlugin:  # noqa: ANN401
    from .kinds import INTERFACES as TYPES
    from .settings import describe_settings

    try:
        form = describe_settings(make, TYPES)
    except Exception as error:  # whatever a stranger's annotations do to typing or pydantic
        return BrokenPlugin(source, f"its settings cannot be read: {error}", kind, name)
    if taken := sorted(RESERVED_SETTINGS & form["fields"].keys()):
        return BrokenPlugin(
            source, f"its setting {taken[0]!r} has a name that every plugin's identity uses", kind, name
        )
    if tables := [key for key, f in form["fields"].items() if "fields" in f or "fields" in f.get("list", {})]:
        return BrokenPlugin(
            source, f"its setting {tables[0]!r} is a table; it has to be a value or a plugin", kind, name
        )
    version = getattr(make, "version", 1)
    if type(version) is not int:
        return BrokenPlugin(source, f"its version is {brief(version)}; it has to be a whole number", kind, name)
    summary = str(make.__doc__ or "").strip().split("\n")[0]
    return CatalogEntry(kind, name, source, summary, version, form, bool(getattr(make, "slow", False)))


def _state() -> str:
    """A fingerprint of every plugin's files and of the harness's own: when it changes, so may the catalog."""
    found = find_plugins()
    packages = {"vimae_bench", *(source.module.split(":")[0].split(".")[0] for source in found)}
    files = [(str(f), f.stat().st_mtime_ns, f.stat().st_size) for name in sorted(packages) for f in _files(name)]
    return fingerprint([sys.version, sys.prefix, [asdict(source) for source in found], files])


def _files(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None:
        return []
    folders = list(spec.submodule_search_locations or [])
    return [f for folder in folders for f in sorted(Path(folder).rglob("*.py"))] or [Path(spec.origin or "")]


def _keep(name: str, description: Json) -> None:
    path = _cache_path(name)
    try:
        for old in path.parent.glob(f"{name}-*.json"):
            old.unlink(missing_ok=True)
        write_json(path, description)
    except OSError:
        # A home that cannot be written costs the time of building it again, and nothing else.
        return


def _from_json(raw: Json) -> Catalog:
    entries = [CatalogEntry(**(e | {"origin": PluginOrigin(**e["origin"])})) for e in raw["entries"]]
    return Catalog(entries, ())
