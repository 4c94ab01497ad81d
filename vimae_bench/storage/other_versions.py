"""Runs that would be those of a benchmark, had not another version of a plugin made them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from ..core.canonical import Json
from ..core.errors import ResultsError
from ..core.spec import Run
from .atomic import read_json
from .plain_files import list_plain_folder

Versions = tuple[str, object, object]
"""The name of a plugin, its version in a run that is there, and that in the run asked for."""


@dataclass(frozen=True)
class OtherVersions:
    """The runs in the folder `runs`, which is listed once."""

    runs: Path

    def describe(self, run: Run) -> str:
        """By which other versions of its plugins the run is there, such as "elbo version 1 (now 2)"; else empty."""
        for folder in self._folders.get(_drop_key(run.name), ()):
            if folder.name != run.name and (changed := _compare(_read_spec(folder), run.as_json())):
                return ", ".join(f"{name} version {before} (now {now})" for name, before, now in changed)
        return ""

    @cached_property
    def _folders(self) -> dict[str, list[Path]]:
        """The folders of runs by their names without keys."""
        found = dict[str, list[Path]]()
        for path in list_plain_folder(self.runs):
            found.setdefault(_drop_key(path.name), []).append(path)
        return found


def _drop_key(name: str) -> str:
    return name.rpartition("-")[0]


def _read_spec(folder: Path) -> Json:
    try:
        return read_json(folder / "spec.json")
    except ResultsError:  # which `doctor` reports
        return {}


def _compare(there: Json, asked: Json) -> list[Versions]:
    """The plugins of other versions, if two runs differ in nothing else; otherwise none."""
    return [*dict.fromkeys(_list_versions(there, asked))] if _drop_versions(there) == _drop_versions(asked) else []


def _drop_versions(value: object) -> object:
    """A run, or a part of it, without the versions of its plugins."""
    if not isinstance(value, Mapping):
        return value
    items = cast("Mapping[str, Any]", value)
    return {key: _drop_versions(part) for key, part in items.items() if not (key == "version" and "use" in items)}


def _list_versions(there: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Versions]:
    """The plugins of two runs, equal but for versions, whose versions differ."""
    if "use" in asked and there.get("version", 1) != asked.get("version", 1):
        yield asked["use"], there.get("version", 1), asked.get("version", 1)
    for key, part in asked.items():
        if isinstance(part, Mapping):
            yield from _list_versions(there[key], cast("Mapping[str, Any]", part))
