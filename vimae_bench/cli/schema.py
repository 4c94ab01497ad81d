"""`vimae-bench schema`: the benchmark file, told to editors."""

from pathlib import Path

import click

from ..plugin.catalog import get_catalog
from ..storage.atomic import format_json, write_json
from .options import FILE


@click.command()
@click.option("--output", type=FILE, help="Write it to this file.  [default: print it]")
def schema(output: Path | None) -> None:
    """Print the JSON Schema of the benchmark file, with all plugins that are installed, for editors to complete from.

    The line `#:schema ./schema.json` at the head of a benchmark file names it to them.

    \b
    Example:
      vimae-bench schema --output schema.json
    """
    from ..config.json_schema import make_json_schema as made

    if output is None:
        click.echo(format_json(made(get_catalog())), nl=False)
        return
    write_json(output, made(get_catalog()))
    click.echo(output)
