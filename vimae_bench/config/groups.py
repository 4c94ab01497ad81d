"""The groups of a benchmark file: parts of its matrix with settings of their own.

A file without groups is one group. A group says what differs from the file's own tables: any of the keys below, in
`methods` the labels of those it has (all, if it says nothing), and under `method` what differs of them, by label.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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
class _Named:
    """A method by its place in the file and its label, with the one whose objective and prior it has if it repeats."""

    place: int
    label: str
    original: "_Named | None" = None


@dataclass(frozen=True)
class GroupLocation:
    """Where the settings of one group come from: its own raw tables, and its place in the file (None: no groups).

    `methods` are the places in the file and the labels of the methods that it has; an A/A control's objective and prior
    stand where the method does that it repeats.
    """

    raw: Json
    index: int | None = None
    methods: tuple["_Named", ...] = ()

    def locate(self, where: SettingPath) -> SettingPath:
        """Where in the file a setting of the merged group stands: in the group if that names it, else in the file."""
        inner = where
        if where[:1] == ("method",) and len(where) > 1 and isinstance(where[1], int):
            named, rest = self.methods[where[1]], where[2:]
            named = named.original if named.original and rest[:1] and rest[0] in CONTROL_KEYS else named
            where, inner = ("method", named.place, *rest), ("method", named.label, *rest)
        return where if self.index is None or not has_value(self.raw, inner) else ("group", self.index, *inner)


def split_groups(raw: Json) -> list[tuple[Json, GroupLocation]]:
    """The raw tables of each group, complete as if each were a file of its own, and where they come from."""
    given = raw.get("group")
    shared = {key: value for key, value in raw.items() if key != "group"}
    if not isinstance(given, list) or not _are_tables(given):
        return [_part(shared, {}, None)]
    return [_part(shared, group, i) for i, group in enumerate(given)]


def find_group_problems(raw: Json) -> Iterator[tuple[SettingPath, str]]:
    """What is wrong with the groups as such."""
    if "group" not in raw:
        return
    if not _are_tables(raw["group"]):
        yield ("group",), "must be tables, each headed [[group]]"
        return
    labels = [str(method.get("label")) for method in _tables(_methods(raw))]
    for i, group in enumerate(raw["group"]):
        for where, what in _misplaced(group, labels):
            yield ("group", i, *where), what


def _misplaced(group: Json, labels: list[str]) -> Iterator[tuple[SettingPath, str]]:
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


def _part(shared: Json, group: Json, place: int | None) -> tuple[Json, GroupLocation]:
    own = {
        key: value for key, value in group.items() if key in GROUP_KEYS and key not in ("methods", "method", "training")
    }
    merged = {**shared, **own, **_training(shared, group)}
    if "method" not in shared:
        return merged, GroupLocation(group, place)
    given = _methods(shared)
    every = _repeating([_changed(method, group.get("method", {})) for method in given])
    mine = [i for i, method in enumerate(every) if _has(group, method)]
    named = _named(given)
    source = GroupLocation(group, place, tuple(named[i] for i in mine))
    return {**merged, "method": [every[i] for i in mine]}, source


def _methods(raw: Json) -> list[Any]:
    """A file's methods; a single table stands for a list of one."""
    given = raw.get("method", [])
    return given if isinstance(given, list) else [given]


def _training(shared: Json, group: Json) -> Json:
    """The training of a group, key by key its own; what is no table is handed on, to be told by the checker."""
    given = [tables["training"] for tables in (shared, group) if "training" in tables]
    if not given or not all(isinstance(table, dict) for table in given):
        return {"training": given[-1]} if given else {}
    return {"training": {key: value for table in given for key, value in table.items()}}


def _named(methods: list[Any]) -> list[_Named]:
    tables: list[Json] = [method if isinstance(method, dict) else {} for method in methods]
    plain = [_Named(i, str(table.get("label", ""))) for i, table in enumerate(tables)]
    originals = {named.label: named for named, table in zip(plain, tables, strict=True) if not table.get("repeats")}
    return [
        _Named(named.place, named.label, None if "objective" in table else originals.get(str(table.get("repeats", ""))))
        for named, table in zip(plain, tables, strict=True)
    ]


def _are_tables(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _tables(values: list[Any]) -> list[Json]:
    return [value for value in values if isinstance(value, dict)]


def _has(group: Json, method: Any) -> bool:  # noqa: ANN401
    named = group.get("methods")
    return not isinstance(named, list) or not isinstance(method, dict) or method.get("label") in named


def _changed(method: Any, changes: Any) -> Any:  # noqa: ANN401
    if not isinstance(method, dict) or not isinstance(changes, dict):
        return method  # wrong in a way that is told elsewhere
    return _entered(method, changes.get(str(method.get("label")), {}))


def _entered(table: Json, changes: Any) -> Json:  # noqa: ANN401
    """A table with some of its values changed; inner tables and the bare names of plugins are entered."""
    made = dict(table)
    for key, value in changes.items() if isinstance(changes, dict) else ():
        before = {"use": made[key]} if isinstance(made.get(key), str) else made.get(key)
        same = isinstance(value, dict) and isinstance(before, dict) and value.get("use") in (None, before.get("use"))
        made[key] = _entered(before or {}, value) if same else value
    return made


def _repeating(methods: list[Any]) -> list[Any]:
    """A/A controls given the objective and the prior of the method they repeat."""
    known: Json = {str(m.get("label")): m for m in _tables(methods) if not m.get("repeats")}
    return [_repeated(method, known) for method in methods]


def _repeated(method: Any, known: Json) -> Any:  # noqa: ANN401
    if not isinstance(method, dict) or not method.get("repeats") or not known:
        return method
    # A label that is not there is told later, by its own message: until then any method will do.
    original = known.get(str(method["repeats"])) or next(iter(known.values()))
    return {**{key: original[key] for key in CONTROL_KEYS if key in original}, **method}
