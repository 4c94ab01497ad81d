"""The JSON Schema of a benchmark file, for editors, made from the forms by which files are checked.

It is in draft-07, which taplo reads. taplo completes from `anyOf`, but not from `if`; and it reports a failed `anyOf`
at the outermost value, but what fails below an `if` where it is. So here each `anyOf` is for completion and never
fails, and an `if` next to it checks.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..core.canonical import Json
from ..plugin.catalog import Catalog, CatalogEntry
from .benchmark import LABELLED
from .file_form import get_file_form
from .groups import CONTROL_KEYS, GROUP_KEYS

DRAFT = "http://json-schema.org/draft-07/schema#"
LOCAL_REFERENCE = re.compile(r"#/\$defs/(.*)")


def make_json_schema(catalog: Catalog) -> Json:
    """The schema of a benchmark file that may name the plugins of a catalog.

    `read_benchmark` refuses every file that it refuses. Rules about several places of a file are not in it.
    """
    maker = _SchemaMaker(catalog)
    return {
        "$schema": DRAFT,
        "title": "A benchmark of vimae-bench",
        **maker.make_file_schema(),
        "definitions": maker.definitions,
    }


@dataclass(frozen=True)
class _SchemaMaker:
    """Makes schemas from forms, and collects those of plugins in `definitions`."""

    catalog: Catalog
    definitions: Json = field(default_factory=dict[str, Any])

    def make_file_schema(self) -> Json:
        form = get_file_form(self.catalog)
        method = form["fields"]["method"]
        schema = self._make_table(form)
        properties = schema["properties"] | {
            "method": self._annotate(method, self._make_list(self._make_method(method["list"])))
        }
        properties["group"] = self._make_groups(properties, method["list"])
        anywhere = [name for name in form["required"] if name in GROUP_KEYS and name != "method"]
        schema["required"] = [name for name in form["required"] if name not in anywhere]
        return schema | {"properties": properties} | _require_somewhere(anywhere)

    def _make_groups(self, properties: Json, method: Json) -> Json:
        """Tables of what differs from the file's own; `method` holds by label how methods differ."""
        own = {name: properties[name] for name in GROUP_KEYS if name in properties}
        own["methods"] = {"type": "array", "items": {"type": "string"}, "description": "The labels of its methods."}
        own["method"] = {
            "type": "object",
            "description": "What differs of methods, by label.",
            "additionalProperties": self._make_changes(method),
        }
        group = {"type": "object", "properties": own, "additionalProperties": False}
        description = "Parts of the matrix with settings of their own; what a group does not say is as in the file."
        return {"type": "array", "minItems": 1, "items": group, "description": description}

    def _make_method(self, form: Json) -> Json:
        """A method; one that repeats another inherits from it."""
        schema = self._make_table(form)
        inherited = [name for name in schema["required"] if name in CONTROL_KEYS]
        schema["required"] = [name for name in schema["required"] if name not in inherited]
        repeats = {"required": ["repeats"], "properties": {"repeats": {"minLength": 1}}}
        return schema | {"if": repeats, "then": True, "else": {"required": inherited}}

    def _make_table(self, form: Json) -> Json:
        properties = {name: self._annotate(inner, self._make_value(inner)) for name, inner in form["fields"].items()}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return _add_description(schema, form) | {"required": form["required"]}

    def _make_changes(self, form: Json) -> Json:
        """A table in which nothing is required, nor in the plugins inside it."""
        properties = {name: self._make_value(inner, changed=True) for name, inner in form["fields"].items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _annotate(self, form: Json, schema: Json) -> Json:
        default = form.get("default")
        description = _add_description({}, form) | ({} if default is None else {"default": default})  # TOML has no null
        # Next to a $ref draft-07 ignores everything, and next to an `allOf` taplo ignores descriptions.
        return {"allOf": [schema], "anyOf": [description]} if "$ref" in schema else schema | description

    def _make_value(self, form: Json, *, changed: bool = False) -> Json:
        if "plugin" in form:
            return self._refer_to_kind(form["plugin"], changed)
        if "fields" in form:
            return self._make_changes(form) if changed else self._make_table(form)
        if "list" in form:
            return self._make_list(self._make_value(form["list"]))
        return _simplify_schema(form["schema"])

    def _make_list(self, one: Json) -> Json:
        """A list; a single value counts as a list of one."""
        several = {"type": "array", "items": one}
        return {"anyOf": [True, several, one], "if": {"type": "array"}, "then": several, "else": one}

    def _refer_to_kind(self, kind: str, changed: bool) -> Json:
        """A reference to the definition of a kind, which is made if it is missing."""
        name = f"changed-{kind}" if changed else kind
        if name not in self.definitions:
            self.definitions[name] = {}  # a plugin may hold another of its kind
            self._define(name, self._make_plugin(kind, changed))
        return _make_reference(name)

    def _define(self, name: str, schema: Json) -> Json:
        self.definitions[name] = schema
        return _make_reference(name)

    def _make_plugin(self, kind: str, changed: bool) -> Json:
        """A plugin by its bare name, or a table with `use`, which a change of its settings may leave out."""
        entries = [self.catalog.get_entry(kind, name) for name in self.catalog.list_names(kind)]
        bare = [entry for entry in entries if not entry.form["required"]]
        schemas = {entry.name: self._make_settings(entry, changed) for entry in entries}
        prefix = f"changed-{kind}" if changed else kind
        tables = {name: self._define(f"{prefix}-{name}", table) for name, table in schemas.items()}
        named = {"properties": {"use": {"enum": list(tables)}}, "required": ["use"]}
        table = {**named, "allOf": [_apply_if_named(name, table) for name, table in tables.items()]}
        if changed:
            table = {"if": {"required": ["use"]}, "then": table, "else": _merge_settings(schemas.values())}
        return {
            "anyOf": [True, _enumerate_names(bare), *tables.values()],
            "if": {"type": "string"},
            "then": {"enum": [entry.name for entry in bare]},
            "else": {"type": "object", **table},
        }

    def _make_settings(self, entry: CatalogEntry, changed: bool) -> Json:
        """A plugin's table."""
        schema = self._make_changes(entry.form) if changed else self._make_table(entry.form)
        schema["properties"] = {
            "use": {"const": entry.name, "description": _describe_entry(entry)},
            **({"label": {"type": "string", "description": LABEL}} if entry.kind in LABELLED and not changed else {}),
            **schema["properties"],
        }
        return schema if changed else schema | {"required": ["use", *schema["required"]]}


LABEL = "What tables and figures call it, in place of its name; no part of its identity."


def _merge_settings(tables: Iterable[Json]) -> Json:
    """A table of the settings of all of these: which of them is changed is written elsewhere in the file."""
    options: dict[str, list[Json]] = {}
    for table in tables:
        for name, schema in table["properties"].items():
            if schema not in options.setdefault(name, []):
                options[name].append(schema)
    properties = {name: few[0] if len(few) == 1 else {"anyOf": few} for name, few in options.items()}
    return {"properties": properties, "additionalProperties": False}


def _require_somewhere(names: list[str]) -> Json:
    """What a file without groups has to say, and one with groups in each of them or outside."""
    in_each = {name: {"properties": {"group": {"items": {"required": [name]}}}} for name in names}
    either = [{"if": {"required": [name]}, "else": each} for name, each in in_each.items()]
    return {"if": {"required": ["group"]}, "then": {"allOf": either}, "else": {"required": names}}


def _enumerate_names(entries: list[CatalogEntry]) -> Json:
    """The names, each with a description."""
    return {
        "enum": [entry.name for entry in entries],
        "x-taplo": {"docs": {"enumValues": [*map(_describe_entry, entries)]}},
    }


def _describe_entry(entry: CatalogEntry) -> str:
    return entry.form.get("about") or entry.summary


def _apply_if_named(name: str, table: Json) -> Json:
    return {"if": {"properties": {"use": {"const": name}}, "required": ["use"]}, "then": table}


def _add_description(schema: Json, form: Json) -> Json:
    return {**schema, "description": form["about"]} if form.get("about") else schema


def _make_reference(name: str) -> Json:
    return {"$ref": "#/definitions/" + quote(name.replace("~", "~0"))}


def _simplify_schema(value: Json) -> Json:
    """The schema of a plain value in draft-07, with references inlined and without null, which TOML does not have."""
    schema = _inline_references(value, value.get("$defs", {}))
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if not options:
        return schema
    rest = {key: inner for key, inner in schema.items() if key != "anyOf"}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def _inline_references(value: Any, defined: Json, inside: tuple[str, ...] = ()) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_inline_references(item, defined, inside) for item in value]
    if not isinstance(value, dict):
        return value
    if named := LOCAL_REFERENCE.fullmatch(str(value.get("$ref"))):
        # A recursive definition cannot be inlined: any value is allowed there.
        return {} if named[1] in inside else _inline_references(defined[named[1]], defined, (*inside, named[1]))
    return dict(_convert_keywords(value, defined, inside))


def _convert_keywords(value: Json, defined: Json, inside: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if key == "pattern":
            yield key, inner.replace(r"\Z", "$")  # every engine but Python's writes the end of text as `$`
        elif key == "properties":
            yield key, {name: _inline_references(each, defined, inside) for name, each in inner.items()}
        elif key == "prefixItems":
            yield "items", _inline_references(inner, defined, inside)
        elif key not in ("$defs", "title", "default"):
            yield key, _inline_references(inner, defined, inside)
