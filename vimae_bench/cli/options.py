"""Arguments, options and helpers that several commands share."""

import gc
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..config.toml import parse_value
from ..core.canonical import Json
from ..core.errors import BenchError
from ..storage.atomic import atomic_write
from ..storage.cache_folder import expand_home


class ExpandedPath(click.Path):
    """A path in which `~` is the user's home where no shell has put that in its place, as in `--results='~/x'`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        return super().convert(expand_home(Path(value)), param, ctx)


FILE = ExpandedPath(path_type=Path)
DEFAULT_RESULTS = Path("results")
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
settings_option = click.option(
    "-s", "settings", multiple=True, metavar="KEY=VALUE", help="A setting to make the plugin with, such as a=1."
)


def repeat_results(results: Path) -> tuple[str, ...]:
    """The words by which a command that is printed for later finds the same results."""
    return () if results == DEFAULT_RESULTS else ("--results", str(results))


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

    return given or get_data_folder()


@contextmanager
def pause_garbage_collection() -> Generator[None]:
    """Do not look for garbage meanwhile: of the millions of objects in large results, all are needed to the end.

    Collection is as it was before afterwards. Also a decorator, for commands that read results.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def write_output(text: str, path: Path | None) -> None:
    """Write a text to a file and print its path, or print the text. Raises BenchError if it cannot be written."""
    if path is None:
        click.echo(text, nl=False)
        return
    try:
        atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"{path}: cannot be written: {error.strerror}") from error
    click.echo(path)


def parse_settings(settings: Sequence[str]) -> Json:
    """What was given with -s, as a table. Raises BenchError for what cannot be one."""
    import tomllib

    try:
        return tomllib.loads("\n".join(map(_quote_bare_word, settings)))
    except tomllib.TOMLDecodeError as error:
        raise BenchError(f"-s {' '.join(settings)}: {error}; write key=value, the value as in TOML") from error


def _quote_bare_word(setting: str) -> str:
    """A setting as a line of TOML: a value that is none is a string, as it is for `-o`."""
    key, sign, value = setting.partition("=")
    return f"{key}={json.dumps(value)}" if sign and parse_value(value) == value else setting
