"""Comparisons of two methods, as an object that displays itself in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from ..analysis.comparison import Comparison
from . import frames, html

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Comparisons(Sequence[Comparison]):
    """Comparisons of two methods, one for each table that has both."""

    items: tuple[Comparison, ...]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """A row for each table and measure: means, difference with its interval, p, verdict."""
        return frames.build_comparisons(self.items)

    @overload
    def __getitem__(self, index: int) -> Comparison: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Comparison]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def _repr_html_(self) -> str:
        return html.format_comparisons(self.items)

    def __repr__(self) -> str:
        return "\n".join(map(_summarize, self.items))


def _summarize(comparison: Comparison) -> str:
    verdicts = "; ".join(f"{row.verdict} in {row.measure.name}" for row in comparison.rows if row.verdict)
    return f"{comparison.title}: {comparison.a} and {comparison.b}: {verdicts or 'nothing tested'}"
