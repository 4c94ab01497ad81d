"""The JSON Schema of a benchmark file, for editors, made of the forms by which files are checked.

Draft-07, which taplo reads. It walks `anyOf` to complete, but not `if`; and it tells a failed `anyOf` at the whole
value, but what fails below an `if` at its own place. So an `anyOf` here is for completion and never fails, and the
`if` beside it checks.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..core.canonical import Json
from ..plugin.catalog import Catalog, CatalogEntry
from .file_form import get_file_form
from .groups import CONTROL_KEYS, GROUP_KEYS

DRAFT = "http://json-schema.org/draft-07/schema#"
REFERENCE = re.compile(r"#/\$defs/(.*)")


def make_json_schema(known: Catalog) -> Json:
    """The schema of a benchmark file that may name the plugins of a catalog.

    A file that it refuses is refused by `benchmark.read`; what depends on several places of a file it does not say.
    """
    maker = _Maker(known)
    return {"$schema": DRAFT, "title": "A benchmark of vimae-bench", **maker.file(), "definitions": maker.definitions}


@dataclass(frozen=True)
class _Maker:
    """Makes schemas of forms; `definitions` gathers those of the plugins that are met on the way."""

    known: Catalog
    definitions: Json = field(default_factory=dict[str, Any])

    def file(self) -> Json:
        form = get_file_form(self.known)
        method = form["fields"]["method"]
        made = self._table(form)
        properties = made["properties"] | {"method": self._field(method, self._several(self._method(method["list"])))}
        properties["group"] = self._groups(properties, method["list"])
        anywhere = [name for name in form["required"] if name in GROUP_KEYS and name != "method"]
        made["required"] = [name for name in form["required"] if name not in anywhere]
        return made | {"properties": properties} | _required_somewhere(anywhere)

    def _groups(self, properties: Json, method: Json) -> Json:
        """Tables of what differs from the file's own; `method` holds by label what differs of methods."""
        own = {name: properties[name] for name in GROUP_KEYS if name in properties}
        own["methods"] = {"type": "array", "items": {"type": "string"}, "description": "The labels of its methods."}
        own["method"] = {
            "type": "object",
            "description": "What differs of methods, by label.",
            "additionalProperties": self._changes(method),
        }
        group = {"type": "object", "properties": own, "additionalProperties": False}
        said = "Parts of the matrix with settings of their own; what a group does not say is as in the file."
        return {"type": "array", "minItems": 1, "items": group, "description": said}

    def _method(self, form: Json) -> Json:
        """A method; one that repeats another takes some things from it."""
        made = self._table(form)
        taken = [name for name in made["required"] if name in CONTROL_KEYS]
        made["required"] = [name for name in made["required"] if name not in taken]
        repeats = {"required": ["repeats"], "properties": {"repeats": {"minLength": 1}}}
        return made | {"if": repeats, "then": True, "else": {"required": taken}}

    def _table(self, form: Json) -> Json:
        properties = {name: self._field(inner, self._value(inner)) for name, inner in form["fields"].items()}
        made = {"type": "object", "properties": properties, "additionalProperties": False}
        return _described(made, form) | {"required": form["required"]}

    def _changes(self, form: Json) -> Json:
        """A table in which nothing is required, of plugins neither."""
        properties = {name: self._value(inner, changed=True) for name, inner in form["fields"].items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _field(self, form: Json, made: Json) -> Json:
        default = form.get("default")
        said = _described({}, form) | ({} if default is None else {"default": default})  # TOML has no null
        # Beside a $ref draft-07 reads nothing, and beside an `allOf` taplo reads no words.
        return {"allOf": [made], "anyOf": [said]} if "$ref" in made else made | said

    def _value(self, form: Json, *, changed: bool = False) -> Json:
        if "plugin" in form:
            return self._plugin(form["plugin"], changed)
        if "fields" in form:
            return self._changes(form) if changed else self._table(form)
        if "list" in form:
            return self._several(self._value(form["list"]))
        return _plain(form["schema"])

    def _several(self, one: Json) -> Json:
        """A list; a single one may stand for a list of one."""
        several = {"type": "array", "items": one}
        return {"anyOf": [True, several, one], "if": {"type": "array"}, "then": several, "else": one}

    def _plugin(self, kind: str, changed: bool) -> Json:
        """A reference to the definition of a kind, made now if it is not there."""
        name = f"changed-{kind}" if changed else kind
        if name not in self.definitions:
            self.definitions[name] = {}  # a plugin may hold another of its kind
            self._define(name, self._choice(kind, changed))
        return _reference(name)

    def _define(self, name: str, made: Json) -> Json:
        self.definitions[name] = made
        return _reference(name)

    def _choice(self, kind: str, changed: bool) -> Json:
        """A plugin by its bare name, or a table with `use`, which a change of its settings may leave out."""
        entries = [self.known.get_entry(kind, name) for name in self.known.list_names(kind)]
        bare = [entry for entry in entries if not entry.form["required"]]
        made = {entry.name: self._settings(entry, changed) for entry in entries}
        prefix = f"changed-{kind}" if changed else kind
        tables = {name: self._define(f"{prefix}-{name}", table) for name, table in made.items()}
        named = {"properties": {"use": {"enum": list(tables)}}, "required": ["use"]}
        table = {**named, "allOf": [_if_named(name, table) for name, table in tables.items()]}
        if changed:
            table = {"if": {"required": ["use"]}, "then": table, "else": _any_setting(made.values())}
        return {
            "anyOf": [True, _names(bare), *tables.values()],
            "if": {"type": "string"},
            "then": {"enum": [entry.name for entry in bare]},
            "else": {"type": "object", **table},
        }

    def _settings(self, entry: CatalogEntry, changed: bool) -> Json:
        """A plugin's table."""
        made = self._changes(entry.form) if changed else self._table(entry.form)
        made["properties"] = {"use": {"const": entry.name, "description": _said(entry)}, **made["properties"]}
        return made if changed else made | {"required": ["use", *made["required"]]}


def _any_setting(tables: Iterable[Json]) -> Json:
    """A table of what is a setting of some of these: which of them is changed stands elsewhere in the file."""
    options: dict[str, list[Json]] = {}
    for table in tables:
        for name, made in table["properties"].items():
            if made not in options.setdefault(name, []):
                options[name].append(made)
    properties = {name: few[0] if len(few) == 1 else {"anyOf": few} for name, few in options.items()}
    return {"properties": properties, "additionalProperties": False}


def _required_somewhere(names: list[str]) -> Json:
    """What a file without groups has to say, and one with groups in each of them or for all."""
    in_each = {name: {"properties": {"group": {"items": {"required": [name]}}}} for name in names}
    either = [{"if": {"required": [name]}, "else": each} for name, each in in_each.items()]
    return {"if": {"required": ["group"]}, "then": {"allOf": either}, "else": {"required": names}}


def _names(entries: list[CatalogEntry]) -> Json:
    """The names, each with what it says of itself."""
    return {"enum": [entry.name for entry in entries], "x-taplo": {"docs": {"enumValues": [*map(_said, entries)]}}}


def _said(entry: CatalogEntry) -> str:
    return entry.form.get("about") or entry.summary


def _if_named(name: str, table: Json) -> Json:
    return {"if": {"properties": {"use": {"const": name}}, "required": ["use"]}, "then": table}


def _described(made: Json, form: Json) -> Json:
    return {**made, "description": form["about"]} if form.get("about") else made


def _reference(name: str) -> Json:
    return {"$ref": "#/definitions/" + quote(name.replace("~", "~0"))}


def _plain(value: Json) -> Json:
    """The schema of a plain value as draft-07 has it: references inlined, no null, which TOML has not."""
    made = _entered(value, value.get("$defs", {}))
    options = [option for option in made.get("anyOf", ()) if option != {"type": "null"}]
    if not options:
        return made
    rest = {key: inner for key, inner in made.items() if key != "anyOf"}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def _entered(value: Any, defined: Json, inside: tuple[str, ...] = ()) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_entered(item, defined, inside) for item in value]
    if not isinstance(value, dict):
        return value
    if named := REFERENCE.fullmatch(str(value.get("$ref"))):
        # What holds itself cannot be written out: anything may stand there.
        return {} if named[1] in inside else _entered(defined[named[1]], defined, (*inside, named[1]))
    return dict(_keywords(value, defined, inside))


def _keywords(value: Json, defined: Json, inside: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if key == "pattern":
            yield key, inner.replace(r"\Z", "$")  # the end of all text is `$` to every engine but Python's
        elif key == "properties":
            yield key, {name: _entered(each, defined, inside) for name, each in inner.items()}
        elif key == "prefixItems":
            yield "items", _entered(inner, defined, inside)
        elif key not in ("$defs", "title", "default"):
            yield key, _entered(inner, defined, inside)
