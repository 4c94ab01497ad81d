"""Simulated shares with their limits, and tables of them in Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """A simulated share with its Monte Carlo standard error, and the limits that it should keep."""

    value: float
    error: float
    least: float = 0.0
    most: float = 1.0

    @property
    def is_within(self) -> bool:
        """Whether the share keeps its limits, up to two standard errors."""
        return self.least - 2 * self.error <= self.value <= self.most + 2 * self.error


@dataclass(frozen=True)
class Cell:
    """One cell of a table of results: a share, the lowest and the highest of several, or a text."""

    table: str
    row: str
    column: str
    shares: tuple[Share, ...] = ()
    text: str = ""


def count_share(hits: Flags, least: float = 0.0, most: float = 1.0) -> Share:
    """The share of hits [tables] or [tables, ...]; those of one table are not independent."""
    by_table = hits.reshape(len(hits), -1).mean(1, dtype=np.float64)
    return Share(float(by_table.mean()), float(by_table.std()) / sqrt(len(hits)), least, most)


def list_failures(cells: Sequence[Cell]) -> Iterator[str]:
    """The shares that do not keep their limits, such as `Power, normal, 5 seeds: 93.1 %`."""
    for cell in cells:
        for share in cell.shares:
            if not share.is_within:
                yield f"{cell.table}, {cell.row}, {cell.column}: {100 * share.value:.1f} %"


def format_tables(cells: Sequence[Cell]) -> str:
    """All tables, each with its title; shares in per cent, **bold** if they do not keep their limits."""
    return "\n\n".join(_format_table(title, cells) for title in dict.fromkeys(cell.table for cell in cells))


def _format_table(title: str, cells: Sequence[Cell]) -> str:
    found = {(cell.row, cell.column): _format_cell(cell) for cell in cells if cell.table == title}
    rows, columns = dict.fromkeys(row for row, _ in found), dict.fromkeys(column for _, column in found)
    lines = [[title, *columns], ["---"] * (len(columns) + 1)]
    lines += [[row, *(found.get((row, column), "") for column in columns)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _format_cell(cell: Cell) -> str:
    return " to ".join(_format_share(share) for share in cell.shares) or cell.text


def _format_share(share: Share) -> str:
    text = f"{100 * share.value:.1f}"
    return text if share.is_within else f"**{text}**"
