"""Commands that also take the options that installed plugins declare."""

from typing import Any

import click

from ..config.run_options import list_plugin_options
from ..plugin.catalog import get_catalog
from ..plugin.declarations import RunOption

HEADING = "Options of plugins"


class PluginOptionsCommand(click.Command):
    """A command that gets the values of plugins' options as keyword arguments, by `RunOption.name`.

    An option of its own goes before one of the same name that a plugin declares.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, then those that plugins add."""
        own = super().get_params(ctx)
        flags = {flag for parameter in own for flag in parameter.opts}
        options = [plugin_option.option for plugin_option in list_plugin_options(get_catalog())]
        return [*own, *(_make_option(option) for option in options if option.flag not in flags)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of plugins in a section of their own."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        sections = {
            "Options": [option for option in options if not isinstance(option, _AddedOption)],
            HEADING: [option for option in options if isinstance(option, _AddedOption)],
        }
        for heading, shown in sections.items():
            if records := [record for option in shown if (record := option.get_help_record(ctx))]:
                with formatter.section(heading):
                    formatter.write_dl(records)


class _AddedOption(click.Option):
    """An option that a plugin declares."""


def _make_option(option: RunOption) -> click.Option:
    kwargs: dict[str, Any] = {"help": option.help}
    if option.setting:
        kwargs |= {"metavar": option.metavar or None, "type": click.Path() if option.is_path else str}
    else:
        kwargs |= {"is_flag": True}
    return _AddedOption([option.flag, option.name], **kwargs)
