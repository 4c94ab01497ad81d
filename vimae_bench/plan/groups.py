"""The groups of a benchmark file: parts of its matrix with settings of their own.

A file without groups is one group. A group says what differs from the file's own tables: any of the keys below, and
under `method` what differs of the methods, by label.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import did_you_mean
from ..records import Json
from .lines import holds
from .settings import Where

KEYS = ("seeds", "dataset", "architecture", "latent", "metrics", "training", "preset", "sigma", "leave_out", "method")


@dataclass(frozen=True)
class Source:
    """Where the settings of one group come from: its own raw tables, and its place in the file (None: no groups)."""

    raw: Json
    place: int | None = None

    def at(self, where: Where, labels: tuple[str, ...] = ()) -> Where:
        """Where in the file a setting of the merged group stands: in the group if that names it, else in the file."""
        inner = where
        if where[:1] == ("method",) and len(where) > 1 and isinstance(where[1], int) and where[1] < len(labels):
            inner = ("method", labels[where[1]], *where[2:])
        if self.place is None or not holds(self.raw, inner):
            return where
        return ("group", self.place, *inner)


def split(raw: Json) -> list[tuple[Json, Source]]:
    """The raw tables of each group, complete as if each were a file of its own, and where they come from."""
    given = raw.get("group")
    shared = {key: value for key, value in raw.items() if key != "group"}
    if not isinstance(given, list) or not all(isinstance(group, dict) for group in given):
        return [(_repeating(shared), Source(raw))]
    return [(_repeating(_merged(shared, group)), Source(group, i)) for i, group in enumerate(given)]


def misplaced(raw: Json) -> Iterator[tuple[Where, str]]:
    """What is wrong with the groups as such."""
    groups = raw.get("group", [])
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups) or groups == []:
        if "group" in raw:
            yield ("group",), "must be tables, each headed [[group]]"
        return
    labels = [m.get("label") for m in raw.get("method", []) if isinstance(m, dict)]
    for i, group in enumerate(groups):
        for key in group.keys() - set(KEYS):
            yield ("group", i, key), f"there is no setting of this name in a group{did_you_mean(key, KEYS)}"
        changed = group.get("method", {})
        if not isinstance(changed, dict):
            yield ("group", i, "method"), "must say by label what differs, as in method.VAE.objective.beta = 2.0"
            continue
        for label in changed.keys() - set(labels):
            yield ("group", i, "method", label), f"no method here is '{label}'{did_you_mean(label, map(str, labels))}"


def _merged(shared: Json, group: Json) -> Json:
    own = {key: value for key, value in group.items() if key in KEYS and key not in ("method", "training")}
    changes = group.get("method", {})
    methods = [_changed(method, changes) for method in shared.get("method", [])]
    training = {**shared.get("training", {}), **group.get("training", {})}
    return {**shared, **own, "method": methods, **({"training": training} if training else {})}


def _changed(method: Any, changes: Any) -> Any:  # noqa: ANN401
    if not isinstance(method, dict) or not isinstance(changes, dict):
        return method  # wrong in a way that is told elsewhere
    return _entered(method, changes.get(method.get("label"), {}))


def _entered(table: Json, changes: Any) -> Json:  # noqa: ANN401
    """A table with some of its values changed; inner tables and the bare names of plugins are entered."""
    made = dict(table)
    for key, value in changes.items() if isinstance(changes, dict) else ():
        before = {"use": made[key]} if isinstance(made.get(key), str) else made.get(key)
        same = isinstance(value, dict) and isinstance(before, dict) and value.get("use") in (None, before.get("use"))
        made[key] = _entered(before or {}, value) if same else value
    return made


def _repeating(raw: Json) -> Json:
    """A/A controls given the objective and the prior of the method they repeat."""
    methods = raw.get("method")
    if not isinstance(methods, list):
        return raw
    known = {m.get("label"): m for m in methods if isinstance(m, dict) and not m.get("repeats")}
    return {**raw, "method": [_repeated(m, known) for m in methods]}


def _repeated(method: Any, known: Json) -> Any:  # noqa: ANN401
    if not isinstance(method, dict) or not method.get("repeats") or not known:
        return method
    # A label that is not there is told later, by its own message: until then any method will do.
    original = known.get(method["repeats"]) or next(iter(known.values()))
    return {**{key: original[key] for key in ("objective", "prior") if key in original}, **method}
