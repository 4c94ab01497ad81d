"""What several commands take in the same way."""

from pathlib import Path

import click

DEFAULT_RESULTS = Path("results")
FILE = click.Path(path_type=Path)
file_argument = click.argument("file", type=FILE)
results_option = click.option(
    "--results", type=FILE, default=DEFAULT_RESULTS, show_default=True, help="The folder that holds results."
)
data_option = click.option(
    "--data", type=FILE, help="The folder that holds data sets.  [default: $VIMAE_BENCH_DATA, or the user's cache]"
)
filter_option = click.option(
    "-k", "words", default="", metavar="WORDS", help="Only runs whose names hold all of these words, such as 'vae s0'."
)
override_option = click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting of the file, as in training.epochs=5."
)


def _complete_executor(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from ..plugin.catalog import get_catalog

    return [name for name in get_catalog().list_names("executor") if name.startswith(incomplete)]


executor_option = click.option(
    "--executor",
    metavar="NAME",
    shell_complete=_complete_executor,
    help="What carries out the runs, one of the executors of `vimae-bench plugins`.  [default: the file's]",
)


def data_root(given: Path | None) -> Path:
    """Where data sets are: as given, or the default."""
    from ..data.prepare import get_data_folder

    return given.expanduser() if given else get_data_folder()
