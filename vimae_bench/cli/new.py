"""`vimae-bench new`: the package of a plugin, or a benchmark file, to start from."""

import shlex
from pathlib import Path

import click

from ..core.errors import escape_control_characters
from ..plugin.catalog import get_catalog
from .options import ExpandedPath

NEW_KINDS = ("objective", "prior", "divergence", "architecture", "metric", "picture", "dataset", "benchmark")


@click.command()
@click.argument("kind", type=click.Choice(NEW_KINDS))
@click.argument("name")
@click.option(
    "--into",
    type=ExpandedPath(file_okay=False, path_type=Path),
    default=Path(),
    show_default="here",
    help="The folder in which it is made.",
)
def new(kind: str, name: str, into: Path) -> None:
    """Make the package of a plugin, or a benchmark file.

    The package has a plugin that works, its test, and a benchmark that compares it with baselines. A `benchmark` is a
    single file, with comments. Existing files are not overwritten.

    \b
    Examples:
      vimae-bench new objective soft_capacity
      vimae-bench new benchmark mine --into benchmarks
    """
    from ..testing.scaffold.package import new_benchmark, new_package

    if kind == "benchmark":
        path = new_benchmark(name, into)
        shown = shlex.quote(str(path))
        click.echo(escape_control_characters(f"{path}\n\nnext:\n  vimae-bench plan {shown}\n  vimae-bench run {shown}"))
        return
    folder = new_package(kind, name, into, get_catalog())
    click.echo(escape_control_characters("\n".join(_describe_package(folder))))


def _describe_package(folder: Path) -> list[str]:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    (benchmark,) = (name for name in files if name.endswith(".toml") and name != "pyproject.toml")
    command = f"vimae-bench run {shlex.quote(benchmark)}"
    steps = (f"cd {shlex.quote(str(folder))}", 'python -m pip install -e ".[dev]"', "pytest", command)
    return [f"{folder}/", *(f"  {name}" for name in files), "", "next:", *(f"  {step}" for step in steps)]
