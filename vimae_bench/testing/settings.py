"""The laws of settings: they cross processes, and a run's identity is made of them."""

import copy
import pickle
from dataclasses import is_dataclass, replace
from typing import Any

from .contract import NotApplicable, check, expect


@check
def settings_can_be_copied(plugin: Any) -> None:  # noqa: ANN401
    """A copy with the same settings equals it, and has the same hash."""
    _same(plugin, copy.deepcopy(_with_settings(plugin)), "a deep copy")
    _same(plugin, replace(plugin), "one made with the same settings")


@check
def settings_can_be_pickled(plugin: Any) -> None:  # noqa: ANN401
    """It crosses a process as it is."""
    try:
        came = pickle.loads(pickle.dumps(_with_settings(plugin)))  # noqa: S301  # what was pickled in this line
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        expect(False, f"cannot be pickled: {error}; keep to settings that are plain values or plugins")
        return
    _same(plugin, came, "what comes back from a pickle")


def _with_settings(plugin: Any) -> Any:  # noqa: ANN401
    if not is_dataclass(plugin):
        raise NotApplicable("it is no dataclass, so that its settings are not known")
    return plugin


def _same(plugin: Any, other: Any, what: str) -> None:  # noqa: ANN401
    hashable = type(plugin).__hash__ is not None  # pyright: ignore[reportUnnecessaryComparison]
    expect(hashable, "has no hash, so its settings may change under a run: write @dataclass(frozen=True)")
    expect(other == plugin, f"{what} is not equal to it: {other!r}, not {plugin!r}")
    expect(hash(other) == hash(plugin), f"{what} has another hash")


SETTINGS = (settings_can_be_copied, settings_can_be_pickled)
