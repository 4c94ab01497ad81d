"""Papers: their published values and claims in TOML, and the closed forms by which some claims are decided."""

from collections.abc import Callable, Mapping

from ..closed_forms import ClosedFormResult
from . import vimae

CLOSED_FORMS: Mapping[str, Callable[[], ClosedFormResult]] = {**vimae.CLOSED_FORMS}
"""The closed forms by the names that a claim's test gives as its `formula`."""
