"""The groups of a benchmark file: parts of its matrix with settings of their own.

A file without groups is one group. A group says what differs from the file's own tables: any of the keys below, in
`methods` the labels of those it has (all, if it says nothing), and under `method` what differs of them, by label.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..core.canonical import Json
from ..core.errors import suggest_similar
from ..plugin.settings import SettingPath
from .toml_positions import has_value

GROUP_KEYS = (
    "seeds",
    "dataset",
    "architecture",
    "latent",
    "metrics",
    "training",
    "preset",
    "sigma",
    "leave_out",
    "methods",
    "method",
)
CONTROL_KEYS = ("objective", "prior", "training")
"""What an A/A control takes from the method that it repeats."""


@dataclass(frozen=True)
class _MethodLocation:
    """The index of a method in the file and its label, and the method that it repeats, if it is an A/A control."""

    index: int
    label: str
    original: "_MethodLocation | None" = None


@dataclass(frozen=True)
class GroupLocation:
    """Where the settings of one group come from: its own raw tables, and its index in the file (None: no groups).

    `methods` locates the methods that it has.
    """

    raw: Json
    index: int | None = None
    methods: tuple["_MethodLocation", ...] = ()

    def locate(self, where: SettingPath) -> SettingPath:
        """Where in the file a setting of the merged group is: in the group if that names it, else in the file."""
        inner = where
        if where[:1] == ("method",) and len(where) > 1 and isinstance(where[1], int):
            named, rest = self.methods[where[1]], where[2:]
            named = named.original if named.original and rest[:1] and rest[0] in CONTROL_KEYS else named
            where, inner = ("method", named.index, *rest), ("method", named.label, *rest)
        return where if self.index is None or not has_value(self.raw, inner) else ("group", self.index, *inner)


def split_groups(raw: Json) -> list[tuple[Json, GroupLocation]]:
    """The raw tables of each group, complete as if each were a file of its own, and where they come from."""
    given = raw.get("group")
    shared = {key: value for key, value in raw.items() if key != "group"}
    if not isinstance(given, list) or not _is_list_of_tables(given):
        return [_merge_group(shared, {}, None)]
    return [_merge_group(shared, group, i) for i, group in enumerate(given)]


def find_group_problems(raw: Json) -> Iterator[tuple[SettingPath, str]]:
    """What is wrong with the groups as such."""
    if "group" not in raw:
        return
    if not _is_list_of_tables(raw["group"]):
        yield ("group",), "must be tables, each headed [[group]]"
        return
    labels = [str(method.get("label")) for method in _filter_tables(_list_methods(raw))]
    for i, group in enumerate(raw["group"]):
        for where, what in _find_problems_in_group(group, labels):
            yield ("group", i, *where), what


def _find_problems_in_group(group: Json, labels: list[str]) -> Iterator[tuple[SettingPath, str]]:
    for key in group.keys() - set(GROUP_KEYS):
        yield (key,), f"there is no setting of this name in a group{suggest_similar(key, GROUP_KEYS)}"
    changed, named = group.get("method", {}), group.get("methods", [])
    if not isinstance(changed, dict):
        yield ("method",), "must say by label what differs, as in method.VAE.objective.beta = 2.0"
        changed = {}
    for label, what in changed.items():
        if not isinstance(what, dict):
            yield ("method", label), "must be a table of what differs, as in method.VAE.objective.beta = 2.0"
    if not isinstance(named, list):
        yield ("methods",), "must be a list of labels"
        named = []
    places = [*((("method", label), label) for label in changed), *((("methods", i), x) for i, x in enumerate(named))]
    for where, label in places:
        if label not in labels:
            yield where, f"no method here is '{label}'{suggest_similar(str(label), labels)}"


def _merge_group(shared: Json, group: Json, index: int | None) -> tuple[Json, GroupLocation]:
    own = {
        key: value for key, value in group.items() if key in GROUP_KEYS and key not in ("methods", "method", "training")
    }
    merged = {**shared, **own, **_merge_training(shared, group)}
    if "method" not in shared:
        return merged, GroupLocation(group, index)
    given = _list_methods(shared)
    methods = _complete_controls([_change_method(method, group.get("method", {})) for method in given])
    own_places = [i for i, method in enumerate(methods) if _includes(group, method)]
    locations = _locate_methods(given)
    location = GroupLocation(group, index, tuple(locations[i] for i in own_places))
    return {**merged, "method": [methods[i] for i in own_places]}, location


def _list_methods(raw: Json) -> list[Any]:
    """A file's methods; a single table counts as a list of one."""
    given = raw.get("method", [])
    return given if isinstance(given, list) else [given]


def _merge_training(shared: Json, group: Json) -> Json:
    """The training of a group, key by key its own; what is not a table is passed on, for the checker to report."""
    given = [tables["training"] for tables in (shared, group) if "training" in tables]
    if not given or not all(isinstance(table, dict) for table in given):
        return {"training": given[-1]} if given else {}
    return {"training": {key: value for table in given for key, value in table.items()}}


def _locate_methods(methods: list[Any]) -> list[_MethodLocation]:
    tables: list[Json] = [method if isinstance(method, dict) else {} for method in methods]
    pairs = [(_MethodLocation(i, str(table.get("label", ""))), table) for i, table in enumerate(tables)]
    originals = {location.label: location for location, table in pairs if not table.get("repeats")}
    return [
        location if "objective" in table else replace(location, original=originals.get(str(table.get("repeats", ""))))
        for location, table in pairs
    ]


def _is_list_of_tables(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _filter_tables(values: list[Any]) -> list[Json]:
    return [value for value in values if isinstance(value, dict)]


def _includes(group: Json, method: Any) -> bool:  # noqa: ANN401
    named = group.get("methods")
    return not isinstance(named, list) or not isinstance(method, dict) or method.get("label") in named


def _change_method(method: Any, changes: Any) -> Any:  # noqa: ANN401
    if not isinstance(method, dict) or not isinstance(changes, dict):
        return method  # a mistake that is reported elsewhere
    return _merge_tables(method, changes.get(str(method.get("label")), {}))


def _merge_tables(table: Json, changes: Any) -> Json:  # noqa: ANN401
    """A table with some of its values changed, also those of tables and plugins inside it."""
    made = dict(table)
    for key, value in changes.items() if isinstance(changes, dict) else ():
        before = {"use": made[key]} if isinstance(made.get(key), str) else made.get(key)
        same = isinstance(value, dict) and isinstance(before, dict) and value.get("use") in (None, before.get("use"))
        made[key] = _merge_tables(before or {}, value) if same else value
    return made


def _complete_controls(methods: list[Any]) -> list[Any]:
    """The methods; A/A controls have the objective and the prior of the method that they repeat."""
    known: Json = {str(m.get("label")): m for m in _filter_tables(methods) if not m.get("repeats")}
    return [_complete_control(method, known) for method in methods]


def _complete_control(method: Any, known: Json) -> Any:  # noqa: ANN401
    if not isinstance(method, dict) or not method.get("repeats") or not known:
        return method
    # An unknown label is reported later, by its own message; until then any method will do.
    original = known.get(str(method["repeats"])) or next(iter(known.values()))
    return {**{key: original[key] for key in CONTROL_KEYS if key in original}, **method}
