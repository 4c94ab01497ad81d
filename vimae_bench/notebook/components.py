"""The components of a method: plugins by name, as in a benchmark file, or objects that no package has registered."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..core.canonical import Json, canonical_json, fingerprint, is_valid_name
from ..core.errors import BenchError, InvalidFileError, Problem, shorten_text
from ..core.spec import PluginSpec, Run
from ..models.priors import Prior
from ..plugin import registry
from ..plugin.catalog import get_catalog
from ..plugin.interfaces import Metric, Objective
from ..plugin.settings import SettingPath, SettingsChecker, format_path

SOURCE = "train"
"""The source of problems that messages name."""
UNREGISTERED_VERSION = 0
"""The version of components that no package has registered; that of a plugin is 1 or more."""
REQUIRED_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "architecture": ("encoder", "decoder"),
    "dataset": ("folder", "pixel_range", "validation", "prepare"),
}
"""The attributes that a component of a kind needs, for kinds that are protocols."""
BASE_CLASSES: Mapping[str, type] = {"objective": Objective, "metric": Metric}


@dataclass(frozen=True)
class Component:
    """A plugin object and its spec, which only describes the object if it is not registered."""

    spec: PluginSpec
    plugin: Any

    @property
    def is_registered(self) -> bool:
        """Whether a worker could create the same object from the spec."""
        return self.spec.version != UNREGISTERED_VERSION


def get_run_key(run: Run) -> str:
    """The run's key; empty if some component is not registered, so that no worker could repeat the run."""
    parts = (run.dataset, run.architecture, run.objective, run.prior)
    return "" if any(part.version == UNREGISTERED_VERSION for part in parts) else run.key


class ComponentReader:
    """Reads the arguments of `train`, and collects everything that is wrong with them."""

    def __init__(self) -> None:
        self.checker = SettingsChecker(get_catalog().get_form)

    def read_component(self, kind: str, given: Any, where: SettingPath) -> Component | None:  # noqa: ANN401
        """The component for a name, a table, a spec, a class or an object; None, with a problem, for anything else."""
        if isinstance(given, PluginSpec):  # checked when it was made
            return Component(given, _make_registered(kind, given))
        if isinstance(given, str | Mapping):
            return self._read_registered(kind, given, where)
        # A prior is given as its class, since it is made with the model.
        construct = isinstance(given, type) and kind != "prior" and self._can_construct(given, where)
        made = given() if construct else given
        if not _is_of_kind(kind, made) and (kind == "prior" or not isinstance(made, type)):
            a = "an" if kind[0] in "aeiou" else "a"
            own = "a class, or a partial of one" if kind == "prior" else "an object"
            self.add_problem(where, f"must be {a} {kind}: a name, a table such as {{'use': name}}, or {own}")
        return None if self.checker.problems else Component(_describe_object(made), made)

    def read_value(self, form: Json, given: Any, where: SettingPath) -> Any:  # noqa: ANN401
        """A plain value, checked like one of a benchmark file."""
        return self.checker.complete(form, _to_plain_types(given), where)

    def add_problem(self, where: SettingPath, what: str) -> None:
        self.checker.problems.append((where, what))

    def raise_problems(self) -> None:
        """Raises Problems with everything that is wrong."""
        if self.checker.problems:
            raise InvalidFileError(SOURCE, [Problem(format_path(where), what) for where, what in self.checker.problems])

    def _read_registered(self, kind: str, given: Any, where: SettingPath) -> Component | None:  # noqa: ANN401
        before = len(self.checker.problems)
        raw = self.read_value({"plugin": kind}, given, where)
        if len(self.checker.problems) > before:
            return None
        try:
            spec = PluginSpec.from_json(raw)
            if kind == "metric":  # what the names of its measures end in
                spec = replace(spec, changed=registry.find_changed_settings(kind, spec, get_catalog()))
            return Component(spec, _make_registered(kind, spec))
        except BenchError as error:
            return self.add_problem(where, str(error))

    def _can_construct(self, given: type, where: SettingPath) -> bool:
        """Whether a class can be instantiated without arguments."""
        try:
            inspect.signature(given).bind()
        except TypeError as error:
            self.add_problem(where, f"{given.__name__} has settings without a default ({error}); pass an instance")
            return False
        return True


def _make_registered(kind: str, choice: PluginSpec) -> Any:  # noqa: ANN401
    return registry.make_prior_factory(choice) if kind == "prior" else registry.make_plugin(kind, choice)


def _is_of_kind(kind: str, made: object) -> bool:
    if kind == "prior":
        return issubclass(made, Prior) if isinstance(made, type) else callable(made) and not isinstance(made, Prior)
    if kind in BASE_CLASSES:
        return isinstance(made, BASE_CLASSES[kind])
    return all(hasattr(made, name) for name in REQUIRED_ATTRIBUTES[kind])


def _describe_object(made: object) -> PluginSpec:
    """A spec that describes an object: its name, its settings, a hash of its source."""
    if isinstance(made, partial):  # a prior with settings
        named, given = made.func, made.keywords
    elif inspect.isfunction(made) or isinstance(made, type):
        named, given = made, {}
    else:
        named, given = type(made), getattr(made, "__dict__", {})
    settings = {name: _to_json(value) for name, value in given.items()}
    name = named.__name__ if is_valid_name(named.__name__) else "unnamed"
    return PluginSpec(name, {**settings, "source": _hash_source(named)}, UNREGISTERED_VERSION)


def _hash_source(named: Any) -> str:  # noqa: ANN401
    """A hash of the code of a function or of a class's methods, so that a changed class has another spec."""
    classes = getattr(named, "__mro__", ())
    methods = [method for base in classes for method in vars(base).values() if inspect.isfunction(method)]
    return fingerprint([_get_source(function) for function in (methods if classes else [named])])


def _get_source(function: Callable[..., object]) -> str:
    try:
        return inspect.getsource(function)
    except OSError:  # made where no text was kept, as what a dataclass writes itself
        return ""


def _to_json(value: object) -> Any:  # noqa: ANN401
    """The value, or its repr without memory addresses if JSON cannot hold it."""
    try:
        canonical_json(value)
    except (TypeError, ValueError):
        return re.sub(r" at 0x[0-9a-f]+", "", shorten_text(value))
    return value


def _to_plain_types(value: Any) -> Any:  # noqa: ANN401
    """Mappings and sequences as the dicts and lists of TOML."""
    if isinstance(value, Mapping):
        return {name: _to_plain_types(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_to_plain_types(inner) for inner in value]
    return value
