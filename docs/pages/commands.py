"""The page of the commands, with their help texts."""

import inspect
from collections.abc import Iterator

import click

from vimae_bench.cli import main

from .markdown import GENERATED, format_code, format_prose, format_table, join_parts

HEAD = """Every command with its options, as shown by `--help`. A FILE is a [benchmark file](benchmark-file.md); all
commands use the same [exit codes](exit-codes.md)."""


def make_page() -> str:
    """The page in Markdown."""
    context = click.Context(main, info_name="vimae-bench")
    return join_parts(["# Commands", GENERATED, HEAD, *_format_commands(main, context)])


def _format_commands(group: click.Group, context: click.Context) -> Iterator[str]:
    """A section for each command, including those of nested groups."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None  # noqa: S101
        inner = click.Context(command, info_name=name, parent=context)
        yield from _format_section(command, inner)
        if isinstance(command, click.Group):
            yield from _format_commands(command, inner)


def _format_section(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`"
    yield format_code(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield from map(_format_paragraph, inspect.cleandoc(command.help or "").split("\n\n"))
    options = (param for param in command.get_params(context) if isinstance(param, click.Option))
    records = (option.get_help_record(context) for option in options if "--help" not in option.opts)
    if rows := [(f"`{option}`", format_prose(words)) for option, words in filter(None, records)]:
        yield format_table(("option", "meaning"), rows)


def _format_paragraph(text: str) -> str:
    """A paragraph of a help text with joined lines, or an example after click's \\b, whose lines are kept."""
    if not text.startswith("\b\n"):
        return format_prose(" ".join(text.split()))
    title, *lines = text.removeprefix("\b\n").splitlines()
    return f"{title}\n\n" + format_code("\n".join(line.strip() for line in lines))
