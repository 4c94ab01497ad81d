"""Settings, described by the signature of a constructor, checked and completed with defaults.

`describe_settings` turns a constructor into a form: plain data, which can be cached between commands.
`SettingsChecker.complete` adds the defaults to given values and collects all that is wrong with them. A form is

    {"plugin": kind}                                  a plugin, by name or as {use = name, <its settings>}
    {"fields": {name: form}, "required": [name, ...]} a table of settings; a field may carry a "default"
    {"list": form}                                    a list of these; a single value counts as a list of one
    {"schema": JSON Schema}                           a plain value

and any of them may say what it is "about".
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from ..core.canonical import Json
from ..core.errors import MAX_PROBLEMS, MAX_VALUE_LENGTH, shorten_text, suggest_similar
from .docstrings import get_attribute_docstrings, get_class_docstring

SettingPath = tuple[str | int, ...]
PARTIAL = "partial"
"""`Annotated[Table, PARTIAL]`: a table that is not completed with defaults."""


def describe_settings(target: Callable[..., object], kinds: Mapping[object, str]) -> Json:
    """The form of a constructor's settings; `kinds` gives the name of each type that is itself a plugin.

    Positional-only parameters are not settings: the harness gives them. Raises TypeError for a parameter that has no
    type or no JSON form.
    """
    parameters = inspect.signature(target).parameters
    hints = get_type_hints(target if is_dataclass(target) else getattr(target, "__init__", target), include_extras=True)
    descriptions = get_attribute_docstrings(target)
    forms: Json = {}
    for name, parameter in parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:  # given by the harness
            continue
        if name not in hints:
            raise TypeError(f"the setting {name!r} has no type")
        about = {"about": descriptions[name]} if name in descriptions else {}
        forms[name] = _describe_type(hints[name], kinds) | about
        if parameter.default is not parameter.empty:
            forms[name]["default"] = _to_json(_get_default(target, parameter))
    required = [name for name, form in forms.items() if "default" not in form]
    return {"fields": forms, "required": required, "about": get_class_docstring(target)}


def _get_default(target: object, parameter: inspect.Parameter) -> object:
    """The default of a setting; a dataclass may have a factory for it."""
    factories = {field.name: field.default_factory for field in fields(target)} if is_dataclass(target) else {}
    factory = factories.get(parameter.name, MISSING)
    return parameter.default if factory is MISSING else factory()  # pyright: ignore[reportCallIssue]


def _describe_type(hint: Any, kinds: Mapping[object, str]) -> Json:  # noqa: ANN401
    if PARTIAL in getattr(hint, "__metadata__", ()):
        form = _describe_type(get_args(hint)[0], kinds)
        given = {name: {k: v for k, v in inner.items() if k != "default"} for name, inner in form["fields"].items()}
        return {**form, "fields": given, "required": []}
    if hint in kinds:
        return {"plugin": kinds[hint]}
    if is_dataclass(hint):
        return describe_settings(hint, kinds)  # pyright: ignore[reportArgumentType]
    inner = get_args(hint)
    if (
        get_origin(hint) is tuple
        and len(inner) == 2
        and inner[1] is ...
        and (inner[0] in kinds or is_dataclass(inner[0]))
    ):
        return {"list": _describe_type(inner[0], kinds)}
    from pydantic import TypeAdapter  # pydantic is only wanted when a plugin changed

    return {"schema": TypeAdapter(hint).json_schema()}


def _to_json(default: Any) -> Any:  # noqa: ANN401
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(default)


@dataclass
class SettingsChecker:
    """Checks values against forms and collects the problems.

    `find_form` gives the form and the version of a plugin by kind and name, or raises LookupError with a message.
    """

    find_form: Callable[[str, str], tuple[Json, int]]
    problems: list[tuple[SettingPath, str]] = field(default_factory=list[tuple[SettingPath, str]])

    def complete(self, form: Json, value: Any, where: SettingPath = ()) -> Any:  # noqa: ANN401
        """The value completed with defaults; None if it cannot be, or after as many problems as a message shows."""
        if len(self.problems) >= MAX_PROBLEMS:
            return None
        if "plugin" in form:
            return self._complete_plugin(form["plugin"], value, where)
        if "fields" in form:
            return self._complete_table(form, value, where)
        if "list" in form:
            items = value if isinstance(value, list) else [value]
            return [self.complete(form["list"], item, (*where, i)) for i, item in enumerate(items)]
        return self._complete_value(form["schema"], value, where)

    def _complete_plugin(self, kind: str, value: Any, where: SettingPath) -> Json | None:  # noqa: ANN401
        given = {"use": value} if isinstance(value, str) else value
        if not isinstance(given, dict) or not isinstance(given.get("use"), str):
            return self._add_problem(
                where, f"must name {_add_article(kind)}: a string, or a table with `use`, not {shorten_text(value)}"
            )
        try:
            form, version = self.find_form(kind, given["use"])
        except LookupError as error:
            return self._add_problem(where, str(error.args[0]))
        settings = {name: setting for name, setting in given.items() if name != "use"}
        return {"use": given["use"], "version": version, **self._complete_table(form, settings, where)}

    def _complete_table(self, form: Json, value: Any, where: SettingPath) -> Json:  # noqa: ANN401
        if not isinstance(value, dict):
            self._add_problem(where, f"must be a table, not {shorten_text(value)}")
            return {}
        fields: Json = form["fields"]
        for name in value.keys() - fields.keys():
            self._add_problem((*where, name), f"there is no setting of this name{suggest_similar(name, fields)}")
        for name in form["required"]:
            if name not in value:
                self._add_problem(where, f"needs a value for '{name}'")
        return {
            name: self._complete_field(form, name, value, where)
            for name in fields
            if name in value or "default" in fields[name]
        }

    def _complete_field(self, form: Json, name: str, value: Json, where: SettingPath) -> Any:  # noqa: ANN401
        inner: Json = form["fields"][name]
        if name in value:
            return self.complete(inner, value[name], (*where, name))
        # A plain default needs no check; a table or a plugin has defaults of its own to be filled in.
        return inner["default"] if "schema" in inner else self.complete(inner, inner["default"], (*where, name))

    def _complete_value(self, schema: Json, value: Any, where: SettingPath) -> Any:  # noqa: ANN401
        from jsonschema import Draft202012Validator

        errors = list(Draft202012Validator(schema).iter_errors(value))
        for error in errors:
            self._add_problem((*where, *error.absolute_path), _format_error(error))
        if errors:
            return None
        return (
            _normalize_number(schema, value)
            if _is_finite(value)
            else self._add_problem(where, f"must be finite, not {shorten_text(value)}")
        )

    def _add_problem(self, where: SettingPath, what: str) -> None:
        self.problems.append((where, what))


def format_path(where: SettingPath) -> str:
    """`("method", 1, "objective")` as `method[1].objective`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{_format_key(part)}" if text else _format_key(part)
    return text


def _format_key(key: str) -> str:
    return key if key.isprintable() and 0 < len(key) <= MAX_VALUE_LENGTH else shorten_text(key)


def _is_finite(value: Any) -> bool:  # noqa: ANN401
    """Whether JSON can hold the value: TOML has `nan` and `inf`, and no bound refuses NaN."""
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _normalize_number(schema: Json, value: Any) -> Any:  # noqa: ANN401
    """One representation of equal numbers, since a run's identity is made of them: 1 and 1.0 are the same."""
    kinds = {schema.get("type"), *(option.get("type") for option in schema.get("anyOf", []))}
    if isinstance(value, list):
        return [_normalize_number(schema.get("items", {}), item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if "integer" in kinds and value == int(value):
        return int(value)
    return float(value) if "number" in kinds else value


def _format_error(error: Any) -> str:  # noqa: ANN401
    """A validator's error in one line that says what is wanted and what was given."""
    given, limit = f", not {shorten_text(error.instance)}", error.validator_value
    match error.validator:
        case "type":
            return f"must be {_add_article(limit if isinstance(limit, str) else ' or '.join(limit))}{given}"
        case "enum":
            hint = suggest_similar(str(error.instance), [str(choice) for choice in limit])
            return f"must be one of {', '.join(map(repr, limit))}{given}{hint if hint.startswith(';') else ''}"
        case "const":
            return f"must be {limit!r}{given}"
        case "exclusiveMinimum":
            return f"must be greater than {limit}{given}"
        case "minimum":
            return f"must be at least {limit}{given}"
        case "exclusiveMaximum":
            return f"must be less than {limit}{given}"
        case "maximum":
            return f"must be at most {limit}{given}"
        case "minItems" | "minLength":
            return f"must not be shorter than {limit}{given}"
        case "maxItems" | "maxLength":
            return f"must not be longer than {limit}{given}"
        case "pattern":
            return f"must consist of lower-case letters, digits, '_', '.' and '-'{given}"
        case "required":
            return f"needs a value for {' and '.join(repr(name) for name in limit if name not in error.instance)}"
        case "additionalProperties":
            known: Json = error.schema.get("properties", {})
            unknown = shorten_text(min(error.instance.keys() - known.keys()))
            return f"takes no {unknown} (there is: {', '.join(known)}){error.schema.get('x-remedy', '')}"
        case "anyOf" if all("type" in option for option in limit):
            return f"must be {_add_article(' or '.join(o['type'] for o in limit if o['type'] != 'null'))}{given}"
        case "uniqueItems":
            return f"must not name anything twice{given}"
        case _:
            return f"does not fit {shorten_text(error.schema)}{given}"


def _add_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
