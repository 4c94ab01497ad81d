"""Markdown from plain texts, such as docstrings and help texts."""

import re
from collections.abc import Iterable, Sequence
from textwrap import indent

GENERATED = "<!-- Generated from the code by `python docs/pages`: do not edit this page. -->"
BAR = r"\|"
CODE = re.compile(r"(`[^`]*`)")


def format_prose(text: str) -> str:
    """Paragraphs in which only backticks are markup; doctest examples become code blocks."""
    return "\n\n".join(format_code(p) if p.startswith(">>>") else _escape(p) for p in text.split("\n\n"))


def _escape(text: str) -> str:
    parts = CODE.split(text)
    return "".join(part if part[:1] == "`" else re.sub(r"([*<]|(?<=\])\()", r"\\\1", part) for part in parts)


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells may contain `|`."""
    return "\n".join(map(_format_row, [head, ["---"] * len(head), *rows]))


def _format_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def format_code(code: str) -> str:
    """An indented code block."""
    return indent(code, "    ")


def join_parts(parts: Iterable[str]) -> str:
    """A page of paragraphs; empty ones are omitted."""
    return "\n\n".join(part for part in parts if part) + "\n"
