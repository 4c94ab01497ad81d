"""What a benchmark is called and what it is for, from its file."""

import re
import tomllib
from dataclasses import dataclass

COMMENT = re.compile(r"\A(?:#[^\n]*\n)+")
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
MAX_PURPOSE_LENGTH = 160
"""A longer sentence ends at its first colon."""


@dataclass(frozen=True)
class Heading:
    """The title of a benchmark, and a sentence on its purpose, which may be empty."""

    title: str
    purpose: str


def read_heading(name: str, source: str) -> Heading:
    """The heading of a benchmark from the text of its file: its own title and description, or what comes nearest."""
    try:
        raw = tomllib.loads(source)
    except tomllib.TOMLDecodeError:  # an empty or foreign text
        raw = {}
    title, description = raw.get("title"), raw.get("description")
    purpose = description if isinstance(description, str) else ""
    return Heading(title if isinstance(title, str) and title else name, purpose or _read_first_sentence(source))


def _read_first_sentence(source: str) -> str:
    comment = COMMENT.match(source)
    if not comment:
        return ""
    paragraph = " ".join(line.lstrip("#").strip() for line in comment[0].split("\n#\n")[0].splitlines())
    sentence = SENTENCE_END.split(paragraph.strip())[0]
    return sentence if len(sentence) <= MAX_PURPOSE_LENGTH else sentence.split(": ")[0]
