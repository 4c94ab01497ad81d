"""Errors that a user can mend: printed as a message, never as a traceback."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class BenchError(Exception):
    """Something the user can mend. The command line prints it and leaves with `exit_code`."""

    exit_code = 2


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


class Problems(BenchError):
    """All that is wrong in one file, told at once."""

    def __init__(self, source: str, problems: Sequence[Problem]):
        self.source, self.problems = source, tuple(problems)
        super().__init__("\n".join(self._line(p) for p in self.problems))

    def _line(self, problem: Problem) -> str:
        place = f"{self.source}:{problem.line}" if problem.line else self.source
        return ": ".join(part for part in (place, problem.where, problem.what) if part)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'mmd'?"`, or the whole list where nothing is near, or nothing where there is no list."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f" (there is: {', '.join(known)})" if known else ""
