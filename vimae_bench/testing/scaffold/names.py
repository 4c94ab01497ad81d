"""The names of a new package, which are derived from that of its plugin, and whether they are available."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from ...core.errors import BenchError, InvalidFileError, Problem, shorten_text
from ...plugin.catalog import Catalog

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_LENGTH = 40


@dataclass(frozen=True)
class PackageNames:
    """The names in a new package; they are derived from that of the plugin, such as `soft_capacity`."""

    plugin: str

    @property
    def label(self) -> str:
        """The plugin's name in words."""
        return self.plugin.replace("_", " ")

    @property
    def distribution(self) -> str:
        """The name of the distribution and of its folder."""
        return f"vimae-bench-{self.plugin.replace('_', '-')}"

    @property
    def module(self) -> str:
        """The module of the plugin."""
        return f"vimae_bench_{self.plugin}"

    @property
    def cls(self) -> str:
        """The plugin's class."""
        return "".join(word.capitalize() for word in self.plugin.split("_"))


def derive_names(given: str) -> PackageNames:
    """The names for a plugin's name as a user writes it. Raises BenchError, with a valid name, if it is not valid."""
    name = given.replace("-", "_")
    if NAME.fullmatch(name) and len(name) <= MAX_LENGTH:
        return PackageNames(name)
    better = _suggest_name(given)
    hint = f", such as {better!r}" if NAME.fullmatch(better) else ""
    raise BenchError(
        f"{shorten_text(given)} is not a valid plugin name: use lower-case letters a-z and digits, "
        f"starting with a letter, words joined by '_' or '-', at most {MAX_LENGTH} characters{hint}"
    )


def check_available(names: PackageNames, kind: str, into: Path, catalog: Catalog, template: str) -> None:
    """Raises InvalidFileError with all names that exist already; `template` is where the class name is inserted."""
    if found := [*_find_conflicts(names, kind, into, catalog, template)]:
        raise InvalidFileError(names.plugin, found)


def _find_conflicts(names: PackageNames, kind: str, into: Path, catalog: Catalog, template: str) -> Iterator[Problem]:
    entry = next((e for e in catalog.entries if (e.kind, e.name) == (kind, names.plugin)), None)
    if entry:
        source = f"{entry.origin.distribution} {entry.origin.version}"
        yield Problem("", f"{kind} '{names.plugin}' exists already, in {source}; choose another name")
    elif find_spec(names.module):
        yield Problem("", f"a module {names.module} is installed already; choose another name, or uninstall it")
    if iskeyword(names.cls) or re.search(rf"\b{names.cls}\b", template):
        yield Problem("", f"its class would be {names.cls}, which has another meaning there; try 'my_{names.plugin}'")
    if (folder := into / names.distribution).exists():
        yield Problem("", f"{folder} exists already and is not changed; choose another name or --into")


def _suggest_name(given: str) -> str:
    """The nearest valid name: ASCII, words in lower case."""
    ascii_text = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ascii_text).lower()
    return re.sub(r"[^a-z0-9]+", "_", separated).strip("_0123456789")[:MAX_LENGTH].rstrip("_")
