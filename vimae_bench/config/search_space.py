"""The settings that methods search, each with the values it may take, checked against the settings' own forms."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from math import log
from typing import Any

from ..core.canonical import Json
from ..core.errors import BenchError, shorten, suggest_similar
from ..core.spec import PluginSpec
from ..plugin.catalog import Catalog
from ..plugin.settings import SettingPath, SettingsChecker, spell
from .benchmark import Benchmark, Group, MethodConfig
from .file_form import get_file_form

Found = Iterator[tuple[SettingPath, str]]
PLUGINS = ("objective", "prior")
PARTS = (*PLUGINS, "training")
"""What of a method can be searched."""
EDGE = 0.05
LONGEST = 57
"""Characters of a benchmark's name."""


@dataclass(frozen=True)
class NumberRange:
    """The numbers from `low` to `high`, both included; `log`: their logarithm is uniform; `whole`: integers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def is_edge(self, value: float) -> bool:
        """Whether a value lies in the outermost twentieth of either side."""
        low, high, at = (log(x) if self.log else x for x in (self.low, self.high, value))
        return not EDGE < (at - low) / (high - low) < 1 - EDGE


Space = Mapping[str, NumberRange | tuple[Any, ...]]
"""The values of each setting that is searched, by its path such as `objective.weight`."""


@dataclass(frozen=True)
class SearchedMethod:
    """A method with the space in which its settings are chosen."""

    method: MethodConfig
    space: Space


def find_search_problems(benchmark: Benchmark, known: Catalog) -> Found:
    """All that is wrong with what methods search, each at its place in the file."""
    group = benchmark.groups[0]
    for where, what in (*_general(benchmark), *_misplaced(group, known)):
        yield group.locate(where), what


def list_searched_methods(benchmark: Benchmark, known: Catalog) -> list[SearchedMethod]:
    """The methods that search settings, where nothing is wrong with that."""
    group = benchmark.groups[0]
    spaces = [(m, {path: _values(m, path, m.search[path], known) for path in m.search}) for m in group.methods]
    return [SearchedMethod(method, space) for method, space in spaces if space]


def apply_settings(method: MethodConfig, settings: Mapping[str, Any], known: Catalog) -> MethodConfig:
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
    checker = SettingsChecker(known.get_form)
    form = get_file_form(known)["fields"]["method"]["list"]["fields"]
    made = {part: checker.complete(form[part], raw[part], (part,)) for part in PARTS}
    if checker.problems:
        told = "; ".join(f"{spell(where)} {what}" for where, what in checker.problems)
        raise BenchError(f"{method.label}: {told}")
    choices = {part: PluginSpec.from_json(made[part]) for part in PLUGINS}
    return replace(method, **choices, training=made["training"], search={})


def get_bare_settings(choice: PluginSpec) -> Json:
    """A choice as a file spells it, without versions."""
    return _unversioned(choice.as_json())


def _unversioned(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_unversioned(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _unversioned(inner) for key, inner in value.items() if key != "version" or "use" not in value}


def _general(benchmark: Benchmark) -> Found:
    group, tuning = benchmark.groups[0], benchmark.tuning
    tables = len(benchmark.groups) * len(group.datasets) * len(group.architectures)
    if tables > 1:
        yield ("dataset",), f"settings are chosen for one table at a time, and there are {tables}; leave one of them"
    elif group.location.index is not None:
        yield ("group",), "settings are chosen for a file without groups; put into it what this one says"
    if len(benchmark.name) > LONGEST:
        yield ("name",), f"leaves no room for '-tuning' behind it; {LONGEST} characters are the most"
    if both := sorted(set(tuning.seeds) & set(group.seeds)):
        yield ("tuning", "seeds"), f"{both[0]} is among the seeds that methods are ranked on; take others to tune on"
    if not any(method.search for method in group.methods):
        yield ("method",), "none has a `search`: say which settings are to be chosen, and among which values"


def _misplaced(group: Group, known: Catalog) -> Found:
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
                form = find_form(method, path, known)
            except LookupError as error:
                yield where, str(error.args[0])
                continue
            yield from (((*where, *inner), what) for inner, what in _unfit(form, values, known))


def find_form(method: MethodConfig, path: str, known: Catalog) -> Json:
    """The form of a setting of a method. Raises LookupError with a message that names what is near."""
    first, *rest = path.split(".")
    if first not in PARTS:
        raise LookupError(f"is no setting of a method, such as objective.weight{suggest_similar(first, PARTS)}")
    form: Json = get_file_form(known)["fields"]["method"]["list"]["fields"][first]
    chosen: Any = {**vars(method)[first].as_json()} if first in PLUGINS else {}
    for name in rest:
        fields = (
            known.get_form(form["plugin"], chosen["use"])[0]["fields"] if "plugin" in form else form.get("fields", {})
        )
        if name not in fields:
            raise LookupError(f"there is no setting {shorten(name)}{suggest_similar(name, fields)}")
        form, chosen = fields[name], chosen.get(name)
    if path == "objective":
        raise LookupError("is what a method is; make a method of each, with a budget of its own")
    if "fields" in form:
        raise LookupError(f"is a table; search one of its settings (there is: {', '.join(sorted(form['fields']))})")
    return form


def _unfit(form: Json, values: Any, known: Catalog) -> Found:  # noqa: ANN401
    """Values that the setting cannot take, each at its place below the setting's."""
    if isinstance(values, list):
        for i, value in enumerate(values):
            yield from _wrong(form, value, (i,), known)
        return
    if not _kinds(form) & {"number", "integer"}:
        yield (), "is no number, so that it has no range; give a list of values"
        return
    low, high = values["low"], values["high"]
    ends = [*_wrong(form, low, ("low",), known), *_wrong(form, high, ("high",), known)]
    yield from ends
    if not ends and not low < high:
        yield ("low",), f"must be less than high, which is {shorten(high)}, not {shorten(low)}"
    if not ends and values.get("log") and low <= 0:
        yield ("log",), f"needs a low above 0, not {shorten(low)}"


def _wrong(form: Json, value: Any, where: SettingPath, known: Catalog) -> Found:  # noqa: ANN401
    checker = SettingsChecker(known.get_form)
    checker.complete(form, value, where)
    yield from checker.problems


def _kinds(form: Json) -> set[str]:
    """The types of a setting's values; none of one that takes those of a list alone."""
    schema = form.get("schema", {})
    if "enum" in schema:
        return set()
    return {str(option.get("type")) for option in (schema, *schema.get("anyOf", []))}


def _values(method: MethodConfig, path: str, values: Any, known: Catalog) -> NumberRange | tuple[Any, ...]:  # noqa: ANN401
    if isinstance(values, list):
        return tuple(values)
    whole = "number" not in _kinds(find_form(method, path, known))
    return NumberRange(values["low"], values["high"], values.get("log", False), whole)
