"""The checks of settings, which are sent between processes and determine the identity of a run."""

import copy
import pickle
from dataclasses import is_dataclass, replace
from typing import Any

from .contract import NotApplicable, check, require


@check
def settings_can_be_copied(plugin: Any) -> None:  # noqa: ANN401
    """A copy with the same settings equals it, and has the same hash."""
    _require_equal(plugin, copy.deepcopy(_require_dataclass(plugin)), "a deep copy")
    _require_equal(plugin, replace(plugin), "one made with the same settings")


@check
def settings_can_be_pickled(plugin: Any) -> None:  # noqa: ANN401
    """It can be sent to another process unchanged."""
    try:
        restored = pickle.loads(pickle.dumps(_require_dataclass(plugin)))  # noqa: S301  # pickled in this line
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        require(False, f"cannot be pickled: {error}; keep to settings that are plain values or plugins")
        return
    _require_equal(plugin, restored, "the unpickled plugin")


def _require_dataclass(plugin: Any) -> Any:  # noqa: ANN401
    if not is_dataclass(plugin):
        raise NotApplicable("it is not a dataclass, so its settings are not known")
    return plugin


def _require_equal(plugin: Any, other: Any, what: str) -> None:  # noqa: ANN401
    is_hashable = type(plugin).__hash__ is not None  # pyright: ignore[reportUnnecessaryComparison]
    require(is_hashable, "has no hash, so its settings may change under a run: write @dataclass(frozen=True)")
    require(other == plugin, f"{what} is not equal to it: {other!r}, not {plugin!r}")
    require(hash(other) == hash(plugin), f"{what} has another hash")


SETTINGS = (settings_can_be_copied, settings_can_be_pickled)
