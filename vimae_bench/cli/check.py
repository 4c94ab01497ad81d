"""`vimae-bench check`: the contracts of the kinds, over any plugin."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ..core.canonical import Json
from ..core.errors import BenchError, InvalidFileError, Problem, escape_control_characters
from ..core.spec import PluginSpec
from ..plugin.catalog import Catalog, CatalogEntry, get_catalog
from ..plugin.settings import SettingsChecker, format_path

if TYPE_CHECKING:
    from ..testing import CheckResult

    Tell = Callable[[CatalogEntry, Iterator[CheckResult]], bool]


def _complete(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return sorted({entry.name for entry in get_catalog().entries if entry.name.startswith(begun)})


@click.command()
@click.argument("names", nargs=-1, shell_complete=_complete)
@click.option("-s", "settings", multiple=True, metavar="KEY=VALUE", help="A setting to make the plugin with.")
def check(names: tuple[str, ...], settings: tuple[str, ...]) -> None:
    """Hold plugins to the laws of their kind: those named, with a line for each law, or all, with a line for each.

    A plugin that needs another (a divergence inside an objective) gets the first of that kind that needs no settings.
    A law that says nothing of a plugin is skipped. Leaves with 1 where one does not hold.

    \b
    Examples:
      vimae-bench check
      vimae-bench check swae -s weight=5.0
    """
    catalog = get_catalog()
    wanted = [e for e in catalog.entries if not names or e.name in names]
    if missing := set(names) - {e.name for e in wanted}:
        raise BenchError(f"no plugin is called {', '.join(sorted(missing))}; `vimae-bench plugins` lists all")
    given, tell = _given(settings), _report if names else _line
    failed = sum([not _holds(entry, catalog, given, tell) for entry in wanted])
    failed += len(catalog.broken) if not names else 0
    for broken in catalog.broken if not names else ():
        click.echo(escape_control_characters(f"broken  {broken}"))
    if failed:
        click.get_current_context().exit(1)


def _given(settings: tuple[str, ...]) -> Json:
    import tomllib

    try:
        return tomllib.loads("\n".join(settings))
    except tomllib.TOMLDecodeError as error:
        raise BenchError(f"-s {' '.join(settings)}: {error}; write key=value, the value as in TOML") from error


def _holds(entry: CatalogEntry, catalog: Catalog, given: Json, tell: "Tell") -> bool:
    """Hold one plugin to its contract and say how it went.

    One that cannot be made without settings, or refuses what it is tried on, is passed over.
    """
    from ..testing import Unsupported, run_checks

    if lacking := [name for name in _required(entry.form) if name not in given]:
        click.echo(f"skipped {entry.kind} {entry.name}: needs {' '.join(f'-s {name}=...' for name in lacking)}")
        return True
    try:
        plugin = _made(entry, catalog, given)
    except BenchError as error:
        click.echo(escape_control_characters(f"fails   {_named(entry)}: {error}"))
        return False
    try:
        return tell(entry, run_checks(entry.kind, plugin))
    except Unsupported as error:
        click.echo(escape_control_characters(f"skipped {entry.kind} {entry.name}: {error}"))
        return True


def _line(entry: CatalogEntry, outcomes: "Iterator[CheckResult]") -> bool:
    """One line, with the first law that does not hold."""
    broken = next((o for o in outcomes if o.status == "fails"), None)
    told = (
        f"fails   {_named(entry)}: {' '.join(broken.why.split())}" if broken else f"ok      {entry.kind} {entry.name}"
    )
    click.echo(escape_control_characters(told))
    return broken is None


def _report(entry: CatalogEntry, outcomes: "Iterator[CheckResult]") -> bool:
    """A line for each law as it is done, and a summary."""
    click.echo(escape_control_characters(_named(entry)))
    done: list[CheckResult] = []
    for outcome in outcomes:
        done.append(outcome)
        click.echo(escape_control_characters(_row(outcome)))
    count = Counter(outcome.status for outcome in done)
    seconds = sum(outcome.seconds for outcome in done)
    told = ", ".join(f"{count[status]} {status}" for status in ("ok", "fails", "skipped") if count[status])
    click.echo(f"  {len(done)} laws: {told}; {seconds:.1f} s\n")
    return not count["fails"]


def _row(outcome: "CheckResult") -> str:
    """How a law went, its time and its name, and of one that does not hold what was found."""
    why = f": {' '.join(outcome.why.split())}" if outcome.why else ""
    return f"  {outcome.status:7} {outcome.seconds:5.1f} s  {outcome.check.name.replace('_', ' ')}{why}"


def _named(entry: CatalogEntry) -> str:
    return f"{entry.kind} {entry.name} ({entry.origin.distribution} {entry.origin.version})"


def _made(entry: CatalogEntry, catalog: Catalog, given: Json) -> Any:  # noqa: ANN401
    from ..plugin.registry import make_plugin, make_prior_factory

    checker = SettingsChecker(catalog.get_form)
    raw = {"use": entry.name, **dict(_inner(entry.form, catalog)), **given}
    choice = checker.complete({"plugin": entry.kind}, raw)
    if checker.problems:
        found = [Problem(format_path(where), what) for where, what in checker.problems]
        raise InvalidFileError("its settings (give them with -s)", found)
    chosen = PluginSpec.from_json(choice)
    if entry.kind == "prior":
        return make_prior_factory(chosen, catalog)
    return make_plugin(entry.kind, chosen, catalog=catalog)


def _required(form: Json) -> list[str]:
    """The settings that have to be given, other than plugins."""
    return [name for name in form["required"] if "plugin" not in form["fields"][name]]


def _inner(form: Json, catalog: Catalog) -> Iterator[tuple[str, str]]:
    for name in form["required"]:
        if kind := form["fields"][name].get("plugin"):
            yield name, next(n for n in catalog.list_names(kind) if not catalog.get_entry(kind, n).form["required"])
