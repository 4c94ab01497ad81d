"""`vimae-bench check`: the contracts of the kinds, over any plugin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..errors import BenchError, Problem, Problems, legible
from ..plan.catalogue import Catalogue, Entry, installed
from ..plan.plugins import FAULTS
from ..plan.settings import Checker, spell
from ..records import Choice, Json


def _complete(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return sorted({entry.name for entry in installed().entries if entry.name.startswith(begun)})


@click.command()
@click.argument("names", nargs=-1, shell_complete=_complete)
@click.option("-s", "settings", multiple=True, metavar="KEY=VALUE", help="A setting to make the plugin with.")
def check(names: tuple[str, ...], settings: tuple[str, ...]) -> None:
    """Run the contract tests of plugins: of those named, or of all.

    A plugin that needs another (a divergence inside an objective) gets the first there is of that kind.

    \b
    Examples:
      vimae-bench check
      vimae-bench check swae -s weight=5.0
    """
    catalogue = installed()
    wanted = [e for e in catalogue.entries if not names or e.name in names]
    if missing := set(names) - {e.name for e in wanted}:
        raise BenchError(f"no plugin is called {', '.join(sorted(missing))}; `vimae-bench plugins` lists all")
    failed = sum([not _checked(entry, catalogue, _given(settings)) for entry in wanted])
    failed += len(catalogue.broken) if not names else 0
    for broken in catalogue.broken if not names else ():
        click.echo(legible(f"broken  {broken}"))
    if failed:
        click.get_current_context().exit(1)


def _given(settings: tuple[str, ...]) -> Json:
    import tomllib

    try:
        return tomllib.loads("\n".join(settings))
    except tomllib.TOMLDecodeError as error:
        raise BenchError(f"-s {' '.join(settings)}: {error}; write key=value, the value as in TOML") from error


def _checked(entry: Entry, catalogue: Catalogue, given: Json) -> bool:
    """Check one plugin and say how it went; one that needs settings, or refuses what it is tried on, is passed over."""
    if lacking := [name for name in _required(entry.form) if name not in given]:
        click.echo(f"skipped {entry.kind} {entry.name}: needs {' '.join(f'-s {name}=...' for name in lacking)}")
        return True
    try:
        _check(entry.kind, _made(entry, catalogue, given))
    except FAULTS as error:
        from ..testing import Refusal

        if isinstance(error, Refusal):
            click.echo(legible(f"skipped {entry.kind} {entry.name}: {error}"))
            return True
        what = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        where = f"{entry.kind} {entry.name} ({entry.source.distribution} {entry.source.version})"
        click.echo(legible(f"fails   {where}: {what}"))
        return False
    click.echo(f"ok      {entry.kind} {entry.name}")
    return True


def _made(entry: Entry, catalogue: Catalogue, given: Json) -> Any:  # noqa: ANN401
    from ..plan.registry import make

    checker = Checker(catalogue.form)
    raw = {"use": entry.name, **dict(_inner(entry.form, catalogue)), **given}
    choice = checker.check({"plugin": entry.kind}, raw)
    if checker.problems:
        found = [Problem(spell(where), what) for where, what in checker.problems]
        raise Problems("its settings (give them with -s)", found)
    return make(entry.kind, Choice.from_json(choice), catalogue)


def _required(form: Json) -> list[str]:
    """The settings that have to be given, other than plugins."""
    return [name for name in form["required"] if "plugin" not in form["fields"][name]]


def _inner(form: Json, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    for name in form["required"]:
        if kind := form["fields"][name].get("plugin"):
            yield name, catalogue.names(kind)[0]


def _check(kind: str, plugin: Any) -> None:  # noqa: ANN401
    import tempfile

    from .. import testing

    contract = getattr(testing, f"check_{kind}")
    if kind not in ("executor", "reporter"):
        contract(plugin)
        return
    with tempfile.TemporaryDirectory() as scratch:
        contract(plugin, Path(scratch))
