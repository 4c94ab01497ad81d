"""`vimae-bench data`: list, prepare and verify data sets."""

from pathlib import Path

import click

from ..core.errors import BenchError, DataError
from ..core.spec import PluginSpec
from ..plugin.catalog import CatalogEntry, get_catalog
from .options import data_option, data_root, parse_settings, settings_option

NOT_WHOLE = 1


def _complete_names(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return [name for name in get_catalog().list_names("dataset") if name.startswith(begun)]


@click.group()
def data() -> None:
    """List, prepare and verify data sets.

    A run prepares what it needs by itself; here it is done ahead of time, such as where there is still a network.

    \b
    Example:
      vimae-bench data prepare mnist
    """


@data.command("list")
@data_option
def list_(data: Path | None) -> None:
    """List every data set and what is prepared of it.

    Folders that no plugin knows, but that hold images in the layout of the others, are usable by `arrays`.

    \b
    Example:
      vimae-bench data list
    """
    root = data_root(data)
    folders = {entry.name: _find_folder(entry, root) for entry in _list_entries()}
    others = {folder.name: folder for folder in _list_prepared(root) if folder not in folders.values()}
    click.echo(root)
    for name, folder in sorted(folders.items()):
        click.echo(f"  {name:16} {_describe_state(folder)}{_describe_elsewhere(name, folder)}")
    for name, folder in others.items():
        click.echo(f"  {name:16} {_describe_state(folder)}, as arrays with path = '{name}'")


@data.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=_complete_names)
@settings_option
@click.option("--again", is_flag=True, help="Prepare anew what is there, as from new files of a folder.")
@data_option
def prepare(names: tuple[str, ...], settings: tuple[str, ...], again: bool, data: Path | None) -> None:
    """Download data sets and convert them for runs.

    What is there already is checked and left alone, unless it is prepared --again: what differs then is said, and runs
    on the earlier data are kept, but not continued. Settings are given to every data set that is named.

    \b
    Examples:
      vimae-bench data prepare mnist fashion_mnist --data ~/data
      vimae-bench data prepare omniglot -s rotations=none
    """
    from ..data.layout import describe_arrays
    from ..data.prepare import ensure_prepared, prepare_again, resolve_folder
    from ..plugin.registry import complete_spec, make_plugin

    catalog, given = get_catalog(), parse_settings(settings)
    for entry in _list_entries():
        if entry.name in names and (missing := [name for name in entry.form["required"] if name not in given]):
            needed = " ".join(f"-s {name}=..." for name in missing)
            raise BenchError(f"{entry.name} is {_describe_own(entry)}; here {needed} does")
    specs = [complete_spec("dataset", {"use": name, **given}, catalog, f"settings of {name}") for name in names]
    for spec in specs:
        dataset, root, changed = make_plugin("dataset", spec), data_root(data), ""
        if again:
            changed = prepare_again(dataset, root, click.echo)
        else:
            ensure_prepared(dataset, root, click.echo)
        folder = resolve_folder(dataset, root)
        click.echo(f"{spec.name}: {describe_arrays(folder)} in {folder}")
        if changed:
            remedy = "runs on the earlier data are not continued; keep new ones apart with --results"
            click.echo(f"{spec.name}: {changed} changed: {remedy}")


@data.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@data_option
def verify(names: tuple[str, ...], data: Path | None) -> None:
    """Compare prepared data with their sha256 sums.

    The sums are in its dataset.json; of your own arrays without one, the form is verified. NAME is a folder in the data
    folder, or a path; without one, all in the data folder are verified.

    \b
    Example:
      vimae-bench data verify mnist
    """
    from ..data import layout

    root = data_root(data)
    folders = [root / name for name in names] or _list_prepared(root)
    found = {folder: layout.verify_arrays(folder) for folder in folders}
    if not found:
        click.echo(f"nothing is prepared in {root}")
    for folder, problems in found.items():
        click.echo("\n".join(problems) or f"{folder}: {layout.describe_arrays(folder)}, {_describe_sums(folder)}")
    if any(found.values()):
        click.get_current_context().exit(NOT_WHOLE)


def _describe_sums(folder: Path) -> str:
    from ..data.layout import CARD, has_digests

    return "all sums agree" if has_digests(folder) else f"as they should be; no {CARD} has sums to compare them with"


def _list_entries() -> list[CatalogEntry]:
    """The data sets with a folder of their own, that is not those made from another data set."""
    entries = (entry for entry in get_catalog().entries if entry.kind == "dataset")
    return [entry for entry in entries if not any("plugin" in form for form in entry.form["fields"].values())]


def _describe_own(entry: CatalogEntry) -> str:
    return f"your own: a benchmark file names its {', '.join(entry.form['required'])}"


def _list_prepared(root: Path) -> list[Path]:
    from ..data.layout import is_prepared

    return sorted(filter(is_prepared, root.iterdir())) if root.is_dir() else []


def _find_folder(entry: CatalogEntry, root: Path) -> Path | str:
    """The data set's folder; words where that is not known without a benchmark file, or not at all."""
    from ..data.prepare import resolve_folder
    from ..plugin.registry import make_plugin

    if entry.form["required"]:
        return _describe_own(entry)
    try:
        return resolve_folder(make_plugin("dataset", PluginSpec(entry.name)), root)
    except BenchError as error:
        return str(error)


def _describe_elsewhere(name: str, folder: Path | str) -> str:
    """The folder's name, where it is there and not the data set's."""
    return f", in {folder.name}" if isinstance(folder, Path) and folder.is_dir() and folder.name != name else ""


def _describe_state(folder: Path | str) -> str:
    from ..data.layout import describe_arrays, is_prepared

    if isinstance(folder, str):
        return folder
    if not is_prepared(folder):
        return "not prepared"
    try:
        return describe_arrays(folder)
    except DataError as error:
        return str(error)
