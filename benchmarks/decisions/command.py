"""`python benchmarks/decisions`: simulate tables with known truth, and print how often statements on them are right."""

from datetime import UTC, datetime
from pathlib import Path
from platform import machine, python_version, system

import click
import numpy as np

from .checks import list_checks
from .shares import format_tables, list_failures

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "decisions.md"
MARK = "<!-- by python benchmarks/decisions --write -->"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tables", type=click.IntRange(min=20), default=4000, show_default=True, help="For each result.")
@click.option("--write", is_flag=True, help=f"Replace what follows the mark in {PAGE.name}.")
def main(tables: int, write: bool) -> None:
    """Simulate tables of six methods, and print how often what is said of them is right.

    4,000 tables take three minutes of one core. Results depend on the number of tables alone.
    """
    cells = [cell for check in list_checks() for cell in check(tables)]
    text = f"{_describe_setup(tables)}\n\n{format_tables(cells)}\n"
    if write:
        head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
        PAGE.write_text(f"{head}{MARK}\n\n{text}", encoding="utf-8")
    click.echo(text)
    for failure in list_failures(cells):
        click.echo(f"beyond its limit: {failure}", err=True)


def _describe_setup(tables: int) -> str:
    date = datetime.now(UTC).date()
    return (
        f"{tables:,} tables for each number, {date}, {system()} on {machine()}, Python {python_version()}, "
        f"numpy {np.__version__}."
    )
