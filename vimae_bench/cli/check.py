"""`vimae-bench check`: the contract checks of a plugin."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ..core.canonical import Json
from ..core.errors import BenchError, escape_control_characters
from ..plugin.catalog import Catalog, CatalogEntry, get_catalog
from .options import parse_settings, settings_option

if TYPE_CHECKING:
    from ..testing import CheckResult

    Report = Callable[[CatalogEntry, Iterator[CheckResult]], bool]


def _complete_name(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return sorted({entry.name for entry in get_catalog().entries if entry.name.startswith(incomplete)})


@click.command()
@click.argument("names", nargs=-1, shell_complete=_complete_name)
@settings_option
def check(names: tuple[str, ...], settings: tuple[str, ...]) -> None:
    """Run the contract checks of plugins.

    Prints a line for each check of the plugins named, or a line for each plugin if none is. A plugin that needs another
    (a divergence inside an objective) gets the first of that kind that needs no settings. A check that does not apply
    to a plugin is skipped. The exit code is 1 if a check fails.

    \b
    Examples:
      vimae-bench check
      vimae-bench check swae -s weight=5.0
    """
    catalog = get_catalog()
    wanted = [entry for entry in catalog.entries if not names or entry.name in names]
    if missing := set(names) - {entry.name for entry in wanted}:
        raise BenchError(f"no plugin is called {', '.join(sorted(missing))}; `vimae-bench plugins` lists all")
    given, report = parse_settings(settings), _report_checks if names else _report_plugin
    failed = sum([not _check_plugin(entry, catalog, given, report) for entry in wanted])
    failed += len(catalog.broken) if not names else 0
    for broken in catalog.broken if not names else ():
        _print(f"broken  {broken}")
    if failed:
        click.get_current_context().exit(1)


def _check_plugin(entry: CatalogEntry, catalog: Catalog, given: Json, report: "Report") -> bool:
    """Check one plugin and report the results; whether none failed.

    A plugin that cannot be made without settings, or does not support what it is tried on, is skipped.
    """
    from ..testing import Unsupported, run_checks

    if missing := [name for name in _list_required_settings(entry.form) if name not in given]:
        click.echo(f"skipped {entry.kind} {entry.name}: needs {' '.join(f'-s {name}=...' for name in missing)}")
        return True
    try:
        plugin = _make_plugin(entry, catalog, given)
    except BenchError as error:
        _print(f"fails   {_format_name(entry)}: {error}")
        return False
    try:
        return report(entry, run_checks(entry.kind, plugin))
    except Unsupported as error:
        _print(f"skipped {entry.kind} {entry.name}: {error}")
        return True


def _report_plugin(entry: CatalogEntry, results: "Iterator[CheckResult]") -> bool:
    """Print one line, with the first check that fails."""
    failure = next((result for result in results if result.status == "fails"), None)
    if failure:
        _print(f"fails   {_format_name(entry)}: {' '.join(failure.reason.split())}")
    else:
        _print(f"ok      {entry.kind} {entry.name}")
    return failure is None


def _report_checks(entry: CatalogEntry, results: "Iterator[CheckResult]") -> bool:
    """Print a line for each check as it is done, and a summary."""
    _print(_format_name(entry))
    done: list[CheckResult] = []
    for result in results:
        done.append(result)
        _print(_format_result(result))
    count = Counter(result.status for result in done)
    seconds = sum(result.seconds for result in done)
    counts = ", ".join(f"{count[status]} {status}" for status in ("ok", "fails", "skipped") if count[status])
    click.echo(f"  {len(done)} checks: {counts}; {seconds:.1f} s\n")
    return not count["fails"]


def _print(line: str) -> None:
    click.echo(escape_control_characters(line))


def _format_result(result: "CheckResult") -> str:
    """The status of a check, its duration and name, and if it fails the reason."""
    why = f": {' '.join(result.reason.split())}" if result.reason else ""
    return f"  {result.status:7} {result.seconds:5.1f} s  {result.check.name.replace('_', ' ')}{why}"


def _format_name(entry: CatalogEntry) -> str:
    return f"{entry.kind} {entry.name} ({entry.origin.distribution} {entry.origin.version})"


def _make_plugin(entry: CatalogEntry, catalog: Catalog, given: Json) -> Any:  # noqa: ANN401
    from ..plugin.registry import complete_spec, make_plugin, make_prior_factory

    raw = {"use": entry.name, **_choose_inner_plugins(entry.form, catalog), **given}
    spec = complete_spec(entry.kind, raw, catalog, "its settings (give them with -s)")
    return (
        make_prior_factory(spec, catalog) if entry.kind == "prior" else make_plugin(entry.kind, spec, catalog=catalog)
    )


def _list_required_settings(form: Json) -> list[str]:
    """The required settings other than plugins."""
    return [name for name in form["required"] if "plugin" not in form["fields"][name]]


def _choose_inner_plugins(form: Json, catalog: Catalog) -> dict[str, str]:
    """For each required setting that is a plugin, the first of its kind that needs no settings."""
    kinds = {name: form["fields"][name].get("plugin") for name in form["required"]}
    return {
        name: next(n for n in catalog.list_names(kind) if not catalog.get_entry(kind, n).form["required"])
        for name, kind in kinds.items()
        if kind
    }
