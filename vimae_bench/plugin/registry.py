"""Names made into objects, where they are used and nowhere else."""

from collections.abc import Callable, Mapping
from typing import Any

from ..core.canonical import Json
from ..core.errors import BenchError, brief
from ..core.spec import Choice
from .catalog import Catalogue, Entry, installed
from .manager import FAULTS, BrokenPlugin, factories, load


def make(kind: str, choice: Choice, catalogue: Catalogue | None = None) -> Any:  # noqa: ANN401
    """The plugin of this kind and name, made with its settings; inner plugins are made first.

    Raises BenchError for a name that is not there (any more), and for settings the plugin itself refuses.
    """
    known = catalogue or installed()
    try:
        entry = known.find(kind, choice.use)
    except LookupError as error:
        raise BenchError(f"{choice.use}: {error.args[0]}") from error
    factory = _factory(entry)
    settings = {name: _setting(entry.form["fields"].get(name, {}), v, known) for name, v in choice.settings.items()}
    try:
        return factory(**settings)
    except (TypeError, ValueError) as error:
        raise BenchError(f"{kind} '{choice.use}' refuses its settings: {error}") from error
    except FAULTS as error:
        raise BenchError(f"{kind} '{choice.use}' of {entry.source} raised {brief(error)} when it was made") from error


def _factory(entry: Entry) -> Callable[..., object]:
    """What makes a plugin. Raises BenchError for one that was whole when the catalogue was made, and no longer is."""
    try:
        return dict(factories(load(entry.source), entry.kind))[entry.name]
    except (BrokenPlugin, KeyError) as error:
        raise BenchError(f"{entry.kind} '{entry.name}' of {entry.source} cannot be used: {error}") from error


def _setting(form: Json, value: Any, catalogue: Catalogue) -> Any:  # noqa: ANN401
    if "plugin" in form and isinstance(value, Mapping):
        return make(form["plugin"], Choice.from_json(value), catalogue)
    if isinstance(value, list):
        return tuple(
            _setting({"plugin": form["list"]["plugin"]} if "list" in form else {}, v, catalogue) for v in value
        )
    return value
