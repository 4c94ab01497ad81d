"""The names of a new package, all made of one, and whether they can be used."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from ...core.errors import BenchError, InvalidFileError, Problem, shorten
from ...plugin.catalog import Catalog

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 40


@dataclass(frozen=True)
class Names:
    """What the parts of a new package are called: `soft_capacity` names the plugin, and all else follows from it."""

    plugin: str

    @property
    def spoken(self) -> str:
        """In words, for a label."""
        return self.plugin.replace("_", " ")

    @property
    def distribution(self) -> str:
        """What pip calls the package, and the folder it is in."""
        return f"vimae-bench-{self.plugin.replace('_', '-')}"

    @property
    def module(self) -> str:
        """The module with the plugin in it."""
        return f"vimae_bench_{self.plugin}"

    @property
    def cls(self) -> str:
        """The plugin's class."""
        return "".join(word.capitalize() for word in self.plugin.split("_"))


def named(given: str) -> Names:
    """The names that follow from what a user gives. Raises BenchError, with a name that would do."""
    name = given.replace("-", "_")
    if NAME.fullmatch(name) and len(name) <= LONGEST:
        return Names(name)
    better = _spelt(given)
    hint = f", such as {better!r}" if NAME.fullmatch(better) else ""
    raise BenchError(
        f"{shorten(given)} makes no name of a plugin: take lower-case letters a-z and digits, a letter first, words "
        f"joined by '_' or '-', {LONGEST} characters at most{hint}"
    )


def check_free(names: Names, kind: str, into: Path, catalog: Catalog, used: str) -> None:
    """Raises Problems with all that is taken already; `used` is the text in which the class gets its name."""
    if found := [*_taken(names, kind, into, catalog, used)]:
        raise InvalidFileError(names.plugin, found)


def _taken(names: Names, kind: str, into: Path, catalog: Catalog, used: str) -> Iterator[Problem]:
    entry = next((e for e in catalog.entries if (e.kind, e.name) == (kind, names.plugin)), None)
    if entry:
        source = f"{entry.origin.distribution} {entry.origin.version}"
        yield Problem("", f"{kind} '{names.plugin}' is there already, from {source}; take another name")
    elif find_spec(names.module):
        yield Problem("", f"a module {names.module} is installed already; take another name, or uninstall it")
    if iskeyword(names.cls) or re.search(rf"\b{names.cls}\b", used):
        yield Problem("", f"its class would be {names.cls}, which means something else there; try 'my_{names.plugin}'")
    if (folder := into / names.distribution).exists():
        yield Problem("", f"{folder} is there already, and left as it is; take another name or --into")


def _spelt(given: str) -> str:
    """The nearest name that would do: ASCII, words in lower case."""
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
    return re.sub(r"[^a-z0-9]+", "_", apart).strip("_0123456789")[:LONGEST].rstrip("_")
