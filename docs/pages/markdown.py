"""Markdown of texts that were written as plain text."""

import re
from collections.abc import Iterable, Sequence
from textwrap import indent

MADE = "<!-- Made by `python docs/pages` from the code: change that, not this page. -->"
BAR = r"\|"
CODE = re.compile(r"(`[^`]*`)")


def prose(text: str) -> str:
    """Paragraphs in which nothing but code in backticks is markup, and examples of Python as code."""
    return "\n\n".join(block(p) if p.startswith(">>>") else _plain(p) for p in text.split("\n\n"))


def _plain(text: str) -> str:
    parts = CODE.split(text)
    return "".join(part if part[:1] == "`" else re.sub(r"([*<]|(?<=\])\()", r"\\\1", part) for part in parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, in whose cells a bar parts nothing."""
    return "\n".join(map(_line, [head, ["---"] * len(head), *rows]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def block(code: str) -> str:
    """Lines of code, for a shell or as an example."""
    return indent(code, "    ")


def joined(parts: Iterable[str]) -> str:
    """A page of paragraphs."""
    return "\n\n".join(part for part in parts if part) + "\n"
