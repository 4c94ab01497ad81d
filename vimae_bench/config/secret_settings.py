"""The text of a benchmark file, to be kept and shown, without the secrets in its settings."""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence

from ..core.secrets import HIDDEN, is_secret_name, mask_secrets, replace_words, show_address
from ..core.spec import PluginSpec

STRING = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'(?s:.*?)\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
"""A string of TOML in any of its four forms."""


def mask_settings(text: str, reporters: Sequence[PluginSpec]) -> str:
    """A benchmark file without what is secret in the settings of its reporters, and in addresses anywhere in it.

    `reporters` are those that are used, which an override may have changed.
    """
    try:
        given: object = tomllib.loads(text).get("reporters")
    except tomllib.TOMLDecodeError:
        given = None
    shown = _find_secrets(given)
    for reporter in reporters:
        shown |= find_secrets(reporter)

    def replace(literal: re.Match[str]) -> str:
        value = _read_string(literal[0])
        return json.dumps(shown[value]) if value in shown else literal[0]

    masked = STRING.sub(replace, text)
    for value in sorted(shown, key=len, reverse=True):  # overrides may have them without quotes
        masked = replace_words(masked, value, shown[value])
    return mask_secrets(masked)


def find_secrets(reporter: PluginSpec) -> dict[str, str]:
    """What is shown in the place of each setting of a reporter that holds a secret."""
    return _find_secrets({**reporter.settings, **reporter.options})


def _find_secrets(settings: object) -> dict[str, str]:
    return {value: show for value, show in _list_secrets(settings, "") if value != show}


def _list_secrets(value: object, name: str) -> Iterator[tuple[str, str]]:
    """The texts in a setting that may be secret, each with what is shown in its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _list_secrets(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _list_secrets(inner, name)
    elif isinstance(value, str) and value:
        if "://" in value or "@" in value or name in ("uri", "url"):
            yield value, show_address(value)
        elif is_secret_name(name):
            yield value, HIDDEN


def _read_string(literal: str) -> str:
    try:
        return str(tomllib.loads(f"x = {literal}")["x"])
    except tomllib.TOMLDecodeError:
        return ""
