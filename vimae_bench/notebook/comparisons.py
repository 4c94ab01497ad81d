"""Comparisons of two methods, as an object that displays itself in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from ..analysis.comparison_data import Comparison
from ..reports.comparison_text import summarize_comparison
from . import frames, html

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Comparisons(Sequence[Comparison]):
    """Comparisons of two methods, one for each table that has both."""

    items: tuple[Comparison, ...]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """A row for each table and measure: means, difference or ratio with its interval, p, outcome."""
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
    return f"{comparison.title}: A = {comparison.a}, B = {comparison.b}. {summarize_comparison(comparison)}"
