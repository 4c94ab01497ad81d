"""Errors that a user can fix: printed as a message, never as a traceback."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .secrets import mask_secrets

MAX_VALUE_LENGTH = 80
"""Characters of a value that a message quotes."""
MAX_LINE_LENGTH = 1000
"""Characters of a message's line."""
MAX_PROBLEMS = 100
"""Problems of one file that are reported together."""


class BenchError(Exception):
    """Something the user can fix. The command line prints it and exits with `exit_code`.

    Control characters in the names and values that its text quotes are escaped, and secrets in addresses hidden.
    """

    exit_code = 2

    def __str__(self) -> str:
        return escape_control_characters(mask_secrets(super().__str__()))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of the traceback: the message alone, as on the command line."""
        return [str(self)]


class ResultsError(BenchError):
    """The results folder cannot be used: locked, not writable, or a damaged file in it."""

    exit_code = 4


class DataError(BenchError):
    """A data set cannot be used: missing, damaged, or not in the layout of `vimae-bench data`."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: `where` is its path inside it, such as `method[1].objective.beta`."""

    where: str
    what: str
    line: int | None = None


class InvalidFileError(BenchError):
    """All that is wrong in one file, reported together."""

    def __init__(self, source: str, problems: Sequence[Problem]):
        self.source, self.problems = source, tuple(problems)
        more = len(self.problems) - MAX_PROBLEMS
        lines = [
            *map(self._format_line, self.problems[:MAX_PROBLEMS]),
            *([f"... and {more:,} more"] if more > 0 else []),
        ]
        super().__init__("\n".join(lines))

    def _format_line(self, problem: Problem) -> str:
        place = f"{self.source}:{problem.line}" if problem.line else self.source
        return ": ".join(part for part in (place, problem.where, problem.what) if part)


def escape_control_characters(text: str) -> str:
    """Text that is safe to print: control, format and undecodable characters escaped, long lines shortened."""
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return "\n".join(map(_shorten_line, shown.split("\n")))


def _shorten_line(line: str) -> str:
    return line if len(line) <= MAX_LINE_LENGTH else f"{line[: MAX_LINE_LENGTH - 305]} ... {line[-300:]}"


def shorten_text(value: object) -> str:
    """The `repr` of a value, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}..."


def shorten_middle(text: str, length: int) -> str:
    """A text of at most `length` characters: its begin, and its end, where causes and remedies stand."""
    if len(text) <= length:
        return text
    mark = " ... "
    head = (length - len(mark)) // 2
    return f"{text[:head]}{mark}{text[len(text) - (length - len(mark) - head) :]}"


def suggest_similar(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'mmd'?"`, or all known names where none is similar, or nothing where there are none."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f" (there is: {', '.join(known)})" if known else ""
