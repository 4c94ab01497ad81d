"""The form of a benchmark file, as plain data: reading it needs neither torch nor pydantic."""

from ..core.canonical import Json
from ..plugin.catalog import Catalog, read_cached_description


def get_file_form(catalog: Catalog) -> Json:
    """The form by which a benchmark file is checked: that of the types in `file_schema.py`, and what plugins add.

    Plugins declare the presets, the learning-rate schedules, and the default executor and reporters.
    """
    form = _read_static_form()
    fields: Json = dict(form["fields"])
    method: Json = fields["method"]["list"]
    schedule = {"type": "string", "enum": ["constant", *sorted(catalog.schedules)]}
    fields["training"] = _replace_schema(fields["training"], "schedule", schedule)
    own_training = _replace_schema(method["fields"]["training"], "schedule", schedule)
    method = {**method, "fields": {**method["fields"], "training": own_training}}
    fields["method"] = {**fields["method"], "list": method}
    fields["preset"] = {**fields["preset"], "schema": {"type": "string", "enum": ["", *sorted(catalog.presets)]}}
    fields["reporters"] = {**fields["reporters"], "default": catalog.list_defaults("reporter")}
    required: list[str] = form["required"]
    defaults = catalog.list_defaults("executor")
    if len(defaults) == 1:
        fields["executor"] = {**fields["executor"], "default": defaults[0]}
        required = [name for name in required if name != "executor"]
    return {**form, "fields": fields, "required": required}


def _replace_schema(table: Json, name: str, schema: Json) -> Json:
    fields: Json = table["fields"]
    return {**table, "fields": {**fields, name: {**fields[name], "schema": schema}}}


def _read_static_form() -> Json:
    return read_cached_description("benchmark-file", _describe_file)


def _describe_file() -> Json:
    from ..plugin.kinds import INTERFACES
    from ..plugin.settings import describe_settings
    from .file_schema import BenchmarkFile

    return describe_settings(BenchmarkFile, INTERFACES)
