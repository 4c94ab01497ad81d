"""The options that plugins add to the command line, and what they change in a benchmark."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.canonical import Json
from ..core.errors import BenchError
from ..core.spec import PluginSpec
from ..plugin.catalog import OPTION_KINDS, Catalog, CatalogEntry
from ..plugin.declarations import RunOption
from ..plugin.registry import complete_spec
from ..plugin.settings import SettingsChecker
from ..storage.cache_folder import expand_home
from .benchmark import Benchmark
from .toml import parse_value


@dataclass(frozen=True)
class PluginOption:
    """An option of the command line, with the plugins that declare it."""

    option: RunOption
    entries: tuple[CatalogEntry, ...]


def list_plugin_options(catalog: Catalog) -> list[PluginOption]:
    """Every option that some plugin declares, by kind and name; those with the same flag are one."""
    found: dict[str, list[tuple[RunOption, CatalogEntry]]] = {}
    for kind in OPTION_KINDS:
        for name in catalog.list_names(kind):
            entry = catalog.get_entry(kind, name)
            for option in entry.run_options:
                found.setdefault(option.flag, []).append((option, entry))
    return [PluginOption(pairs[0][0], tuple(entry for _, entry in pairs)) for pairs in found.values()]


def apply_run_options(
    benchmark: Benchmark, given: Mapping[str, Any], catalog: Catalog, executor: str | None = None
) -> Benchmark:
    """The benchmark with another executor, if one is named, and with the values of plugins' options.

    `given` are values by `RunOption.name`; None and False stand for options that are not given. Raises BenchError
    for a value that its setting does not take, and for an option that the executor does not have.
    """
    flags = {p.option.flag: given[p.option.name] for p in list_plugin_options(catalog) if given.get(p.option.name)}
    spec = complete_spec("executor", executor, catalog, "--executor") if executor else benchmark.executor
    _check_executor_has(spec, flags, catalog)
    (spec,) = _apply("executor", [spec], flags, catalog)
    reporters = tuple(_apply("reporter", benchmark.reporters, flags, catalog))
    groups = tuple(
        replace(group, metrics=tuple(_apply("metric", group.metrics, flags, catalog))) for group in benchmark.groups
    )
    return replace(benchmark, executor=spec, reporters=reporters, groups=groups)


def _check_executor_has(spec: PluginSpec, flags: Mapping[str, Any], catalog: Catalog) -> None:
    own = {option.flag for option in catalog.get_entry("executor", spec.name).run_options}
    for plugin_option in list_plugin_options(catalog):
        flag, kinds = plugin_option.option.flag, {entry.kind for entry in plugin_option.entries}
        if flag in flags and flag not in own and kinds == {"executor"}:
            names = " and ".join(entry.name for entry in plugin_option.entries)
            raise BenchError(f"{flag}: the executor '{spec.name}' has no such option (it is one of {names})")


def _apply(kind: str, specs: Sequence[PluginSpec], flags: Mapping[str, Any], catalog: Catalog) -> Iterator[PluginSpec]:
    """Those of the specs that are not left out, with the values of their options."""
    for spec in specs:
        entry = catalog.get_entry(kind, spec.name)
        options = [option for option in entry.run_options if option.flag in flags]
        if all(option.setting for option in options):
            values = {option.setting: _read_value(option, flags[option.flag], entry, catalog) for option in options}
            settings = {name: value for name, value in values.items() if name not in entry.option_forms}
            others = {name: value for name, value in values.items() if name in entry.option_forms}
            yield replace(spec, settings={**spec.settings, **settings}, options={**spec.options, **others})


def _read_value(option: RunOption, text: str, entry: CatalogEntry, catalog: Catalog) -> Any:  # noqa: ANN401
    """The value of an option as its setting takes it. Raises BenchError where it does not."""
    if text in option.values:
        return option.values[text]
    form: Json = entry.option_forms.get(option.setting) or entry.form["fields"][option.setting]
    value = _parse(text, form.get("schema", {}))
    if word := next((word for word, meant in option.values.items() if meant == value), None):
        raise BenchError(f"{option.flag}: {text} is written {word}")
    if option.is_path:
        value = str(expand_home(Path(text)).resolve())
    checker = SettingsChecker(catalog.get_form)
    checked = checker.complete(form, value)
    if checker.problems:
        words = f" (or {' or '.join(option.values)})" if option.values else ""
        raise BenchError(f"{option.flag}: {checker.problems[0][1]}{words}")
    return checked


def _parse(text: str, schema: Json) -> Any:  # noqa: ANN401
    """A text as TOML has it, unless the setting takes texts."""
    kinds = {option.get("type") for option in (schema, *schema.get("anyOf", ()))}
    return text if "string" in kinds else parse_value(text)
