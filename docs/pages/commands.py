"""The page of the commands: of each its help, as click has it."""

import inspect
from collections.abc import Iterator

import click

from vimae_bench.cli import main

from .markdown import MADE, block, joined, prose, table

HEAD = """Every command with its options, as `--help` tells them. A FILE is a [benchmark file](benchmark-file.md); the
[exit codes](exit-codes.md) mean the same for all."""


def page() -> str:
    """The page in markdown."""
    context = click.Context(main, info_name="vimae-bench")
    return joined(["# Commands", MADE, HEAD, *_commands(main, context)])


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    """A section for each command, and for the commands of a group."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None  # noqa: S101
        inner = click.Context(command, info_name=name, parent=context)
        yield from _section(command, inner)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`"
    yield block(" ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield from map(_paragraph, inspect.cleandoc(command.help or "").split("\n\n"))
    told = (param.get_help_record(context) for param in command.params if isinstance(param, click.Option))
    if rows := [(f"`{option}`", prose(words)) for option, words in filter(None, told)]:
        yield table(("option", "what it does"), rows)


def _paragraph(text: str) -> str:
    """A paragraph of a help text: its lines joined, but for examples, which click keeps as they are behind a \\b."""
    if not text.startswith("\b\n"):
        return prose(" ".join(text.split()))
    title, *lines = text.removeprefix("\b\n").splitlines()
    return f"{title}\n\n" + block("\n".join(line.strip() for line in lines))
