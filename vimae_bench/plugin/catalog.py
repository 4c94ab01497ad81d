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
from .hookspecs import KINDS
from .manager import BrokenPlugin, Source, factories, load, sources

RESERVED = {"use", "version"}
"""What `Choice.as_json` puts beside a plugin's settings."""


@dataclass(frozen=True)
class Entry:
    """A plugin under one name: where it comes from, what it says of itself, the form of its settings."""

    kind: str
    name: str
    source: Source
    summary: str
    version: int
    form: Json
    slow: bool = False
    """Of a metric: whether it is worth saying beforehand how long it takes."""


@dataclass(frozen=True)
class Broken:
    """A plugin that cannot be used, and why. `name` is empty where the whole module is broken."""

    source: Source
    reason: str
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.kind} '{self.name}' of {self.source}" if self.name else str(self.source)
        return f"{what}: {self.reason}"


@dataclass(frozen=True)
class Catalogue:
    """All plugins by kind and name, and those that cannot be used."""

    entries: Sequence[Entry]
    broken: Sequence[Broken]
    _by_name: dict[tuple[str, str], Entry] = field(default_factory=dict[tuple[str, str], Entry], repr=False)

    def __post_init__(self) -> None:
        self._by_name.update({(e.kind, e.name): e for e in self.entries})

    def names(self, kind: str) -> list[str]:
        return sorted(name for of, name in self._by_name if of == kind)

    def find(self, kind: str, name: str) -> Entry:
        """Raises LookupError with a message that names what is near, or the broken plugin that may have been meant."""
        if found := self._by_name.get((kind, name)):
            return found
        for broken in self.broken:
            if (broken.kind, broken.name) == (kind, name):
                raise LookupError(f"cannot be used: {broken}")
        lost = "".join(f"; {b.source} could not be loaded: {b.reason}" for b in self.broken if not b.name)
        raise LookupError(f"no {kind} is called {brief(name)}{did_you_mean(name, self.names(kind))}{lost}")

    def form(self, kind: str, name: str) -> tuple[Json, int]:
        """The form and the version of a plugin, as `settings.Checker` wants them. Raises LookupError."""
        entry = self.find(kind, name)
        return entry.form, entry.version


@cache
def installed() -> Catalogue:
    """The catalogue of what is installed, from the cache where that still holds."""
    try:
        return _from_json(read_json(_cache_path("catalogue")))
    except (ResultsError, KeyError, TypeError):  # not there, or damaged
        made = build(sources())
    if not made.broken:
        _keep("catalogue", {"entries": [asdict(e) for e in made.entries]})
    return made


def cached_description(name: str, describe: Callable[[], Json]) -> Json:
    """A description made by `describe`, kept until a plugin or the harness changes."""
    try:
        return read_json(_cache_path(name))
    except ResultsError:
        made = describe()
    _keep(name, made)
    return made


def _cache_path(name: str) -> Path:
    return Path(platformdirs.user_cache_dir("vimae-bench")) / f"{name}-{_state()}.json"


def build(found: Sequence[Source]) -> Catalogue:
    """Load every plugin and describe what it offers."""
    entries: list[Entry] = []
    broken: list[Broken] = []
    for source in found:
        for item in _offered(source):
            (entries if isinstance(item, Entry) else broken).append(item)  # pyright: ignore[reportArgumentType]
    claims: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        claims.setdefault((entry.kind, entry.name), []).append(entry)
    for claim in claims.values():
        if len(claim) > 1:
            owners = " and ".join(str(e.source) for e in claim)
            broken += [Broken(claim[0].source, f"the name is claimed by {owners}; uninstall one", *_key(claim[0]))]
    return Catalogue([c[0] for c in claims.values() if len(c) == 1], broken)


def _key(entry: Entry) -> tuple[str, str]:
    return entry.kind, entry.name


def _offered(source: Source) -> Iterator[Entry | Broken]:
    try:
        manager = load(source)
    except BrokenPlugin as error:
        yield Broken(source, str(error))
        return
    for kind in KINDS:
        try:
            for name, make in factories(manager, kind):
                yield _described(kind, name, make, source)
        except BrokenPlugin as error:
            yield Broken(source, str(error))


def _described(kind: str, name: str, make: Any, source: Source) -> Entry | Broken:  # noqa: ANN401
    from .kinds import KINDS as TYPES
    from .settings import describe

    try:
        form = describe(make, TYPES)
    except Exception as error:  # whatever a stranger's annotations do to typing or pydantic
        return Broken(source, f"its settings cannot be read: {error}", kind, name)
    if taken := sorted(RESERVED & form["fields"].keys()):
        return Broken(source, f"its setting {taken[0]!r} has a name that every plugin's identity uses", kind, name)
    if tables := [key for key, f in form["fields"].items() if "fields" in f or "fields" in f.get("list", {})]:
        return Broken(source, f"its setting {tables[0]!r} is a table; it has to be a value or a plugin", kind, name)
    version = getattr(make, "version", 1)
    if type(version) is not int:
        return Broken(source, f"its version is {brief(version)}; it has to be a whole number", kind, name)
    summary = str(make.__doc__ or "").strip().split("\n")[0]
    return Entry(kind, name, source, summary, version, form, bool(getattr(make, "slow", False)))


def _state() -> str:
    """A fingerprint of every plugin's files and of the harness's own: when it changes, so may the catalogue."""
    found = sources()
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


def _from_json(raw: Json) -> Catalogue:
    entries = [Entry(**(e | {"source": Source(**e["source"])})) for e in raw["entries"]]
    return Catalogue(entries, ())
