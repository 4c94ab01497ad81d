"""The settings that methods search with their possible values, checked against the forms of the settings."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from math import log
from typing import Any

from ..core.canonical import Json
from ..core.errors import BenchError, shorten_text, suggest_similar
from ..core.spec import PluginSpec
from ..plugin.catalog import Catalog
from ..plugin.settings import SettingPath, SettingsChecker, format_path
from .benchmark import Benchmark, Group, MethodConfig
from .file_form import get_file_form

Problems = Iterator[tuple[SettingPath, str]]
PLUGIN_PARTS = ("objective", "prior")
PARTS = (*PLUGIN_PARTS, "training")
"""The parts of a method that can be searched."""
EDGE_FRACTION = 0.05
"""A value this near to an end of its range, as a fraction of it, is at its edge."""
MAX_NAME_LENGTH = 57
"""Characters of a benchmark's name."""


@dataclass(frozen=True)
class NumberRange:
    """The numbers from `low` to `high`, both included; `log`: their logarithm is uniform; `is_integer`: integers."""

    low: float
    high: float
    log: bool = False
    is_integer: bool = False

    def is_edge(self, value: float) -> bool:
        """Whether a value is in the outermost twentieth at either end."""
        low, high, at = (log(x) if self.log else x for x in (self.low, self.high, value))
        return not EDGE_FRACTION < (at - low) / (high - low) < 1 - EDGE_FRACTION


Space = Mapping[str, NumberRange | tuple[Any, ...]]
"""The values of each setting that is searched, by its path such as `objective.weight`."""


@dataclass(frozen=True)
class SearchedMethod:
    """A method with the space in which its settings are chosen."""

    method: MethodConfig
    space: Space


def find_search_problems(benchmark: Benchmark, catalog: Catalog) -> Problems:
    """All that is wrong with what methods search, each at its place in the file."""
    group = benchmark.groups[0]
    for where, what in (*_find_general_problems(benchmark), *_find_method_problems(group, catalog)):
        yield group.locate(where), what


def list_searched_methods(benchmark: Benchmark, catalog: Catalog) -> list[SearchedMethod]:
    """The methods that search settings, of a benchmark without problems."""
    group = benchmark.groups[0]
    spaces = [(m, {path: _parse_space(m, path, m.search[path], catalog) for path in m.search}) for m in group.methods]
    return [SearchedMethod(method, space) for method, space in spaces if space]


def apply_settings(method: MethodConfig, settings: Mapping[str, Any], catalog: Catalog) -> MethodConfig:
    """The method with these values of settings, by path. Raises BenchError for values that do not go together."""
    raw = {
        "objective": get_bare_settings(method.objective),
        "prior": get_bare_settings(method.prior),
        "training": dict(method.training),
    }
    for path in sorted(settings, key=lambda path: path.count(".")):
        *parents, last = path.split(".")
        table: Any = raw
        for part in parents:
            table = table[part]
        table[last] = deepcopy(settings[path])
    checker = SettingsChecker(catalog.get_form)
    form = get_file_form(catalog)["fields"]["method"]["list"]["fields"]
    completed = {part: checker.complete(form[part], raw[part], (part,)) for part in PARTS}
    if checker.problems:
        problems = "; ".join(f"{format_path(where)} {what}" for where, what in checker.problems)
        raise BenchError(f"{method.label}: {problems}")
    specs = {part: PluginSpec.from_json(completed[part]) for part in PLUGIN_PARTS}
    return replace(method, **specs, training=completed["training"], search={})


def get_bare_settings(spec: PluginSpec) -> Json:
    """A plugin as a file writes it, without versions."""
    return _remove_versions(spec.as_json())


def _remove_versions(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_remove_versions(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _remove_versions(inner) for key, inner in value.items() if key != "version" or "use" not in value}


def _find_general_problems(benchmark: Benchmark) -> Problems:
    group, tuning = benchmark.groups[0], benchmark.tuning
    tables = len(benchmark.groups) * len(group.datasets) * len(group.architectures)
    if tables > 1:
        yield ("dataset",), f"settings are chosen for one table at a time, and there are {tables}; leave one of them"
    elif group.location.index is not None:
        yield ("group",), "settings are chosen for a file without groups; put into it what this one says"
    if len(benchmark.name) > MAX_NAME_LENGTH:
        yield ("name",), f"leaves no room for '-tuning' after it; {MAX_NAME_LENGTH} characters are the most"
    if both := sorted(set(tuning.seeds) & set(group.seeds)):
        yield ("tuning", "seeds"), f"{both[0]} is among the seeds that methods are ranked on; take others to tune on"
    if not any(method.search for method in group.methods):
        yield ("method",), "none has a `search`: say which settings are to be chosen, and among which values"


def _find_method_problems(group: Group, catalog: Catalog) -> Problems:
    for i, method in enumerate(group.methods):
        if method.search and method.control_of:
            yield ("method", i, "search"), f"is an A/A control: it takes what is chosen for '{method.control_of}'"
            continue
        for path, values in method.search.items():
            where = ("method", i, "search", path)
            if outer := [other for other in method.search if path.startswith(f"{other}.")]:
                yield where, f"is a setting of what '{outer[0]}' chooses; search one of the two"
                continue
            try:
                form = find_form(method, path, catalog)
            except LookupError as error:
                yield where, str(error.args[0])
                continue
            yield from (((*where, *inner), what) for inner, what in _find_value_problems(form, values, catalog))


def find_form(method: MethodConfig, path: str, catalog: Catalog) -> Json:
    """The form of a setting of a method. Raises LookupError with a message that suggests similar names."""
    first, *rest = path.split(".")
    if first not in PARTS:
        raise LookupError(f"is not a setting of a method, such as objective.weight{suggest_similar(first, PARTS)}")
    form: Json = get_file_form(catalog)["fields"]["method"]["list"]["fields"][first]
    chosen: Any = {**vars(method)[first].as_json()} if first in PLUGIN_PARTS else {}
    for name in rest:
        fields = (
            catalog.get_form(form["plugin"], chosen["use"])[0]["fields"] if "plugin" in form else form.get("fields", {})
        )
        if name not in fields:
            raise LookupError(f"there is no setting {shorten_text(name)}{suggest_similar(name, fields)}")
        form, chosen = fields[name], chosen.get(name)
    if path == "objective":
        raise LookupError("cannot be searched, since it defines the method; add one method for each value")
    if "fields" in form:
        raise LookupError(f"is a table; search one of its settings (there is: {', '.join(sorted(form['fields']))})")
    return form


def _find_value_problems(form: Json, values: Any, catalog: Catalog) -> Problems:  # noqa: ANN401
    """Values that the setting cannot take, each at its place below that of the setting."""
    if isinstance(values, list):
        for i, value in enumerate(values):
            yield from _check_value(form, value, (i,), catalog)
        return
    if not _list_types(form) & {"number", "integer"}:
        yield (), "is not a number and has no range; give a list of values"
        return
    low, high = values["low"], values["high"]
    ends = [*_check_value(form, low, ("low",), catalog), *_check_value(form, high, ("high",), catalog)]
    yield from ends
    if not ends and not low < high:
        yield ("low",), f"must be less than high, which is {shorten_text(high)}, not {shorten_text(low)}"
    if not ends and values.get("log") and low <= 0:
        yield ("log",), f"needs a low above 0, not {shorten_text(low)}"


def _check_value(form: Json, value: Any, where: SettingPath, catalog: Catalog) -> Problems:  # noqa: ANN401
    checker = SettingsChecker(catalog.get_form)
    checker.complete(form, value, where)
    yield from checker.problems


def _list_types(form: Json) -> set[str]:
    """The types of the values of a setting; none if it takes only listed values."""
    schema = form.get("schema", {})
    if "enum" in schema:
        return set()
    return {str(option.get("type")) for option in (schema, *schema.get("anyOf", []))}


def _parse_space(method: MethodConfig, path: str, values: Any, catalog: Catalog) -> NumberRange | tuple[Any, ...]:  # noqa: ANN401
    if isinstance(values, list):
        return tuple(values)
    is_integer = "number" not in _list_types(find_form(method, path, catalog))
    return NumberRange(values["low"], values["high"], values.get("log", False), is_integer)
