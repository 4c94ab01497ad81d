"""Presets: settings that a benchmark file leaves open, under a name. What the file says itself goes before them.

Plugins declare them (`vimae_bench.plugin.Preset`); the key `preset` of a file, or of one of its groups, names one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.canonical import Json
from ..plugin.catalog import Catalog
from ..plugin.declarations import Preset
from ..plugin.settings import SettingPath

SIGMA_LIMITS = (1e-6, 1e6)
"""Between these 1/(2 sigma^2) is a number; a file's form says the same."""


def apply_preset(raw: Json, catalog: Catalog) -> Json:
    """A copy of one group's raw tables with what its preset fixes and the file does not.

    Tables with a mistake are returned as they are, for the checker to report it.
    """
    preset = catalog.presets.get(_get_name(raw))
    has_types = all(
        isinstance(raw.get(key, default), type_)
        for key, default, type_ in (("method", [], list), ("training", {}, dict), ("sigma", 0, int | float))
    )
    low, high = SIGMA_LIMITS
    if preset is None or not has_types or not low <= raw.get("sigma", 1) <= high:
        return raw
    if [*find_preset_problems(raw, catalog)]:
        return raw
    added: Json = {"training": {**_get_training(preset, raw), **raw.get("training", {})}}
    if "method" in raw:
        settings = {**preset.objective, **_get_scale(preset, raw, catalog)}
        added["method"] = [_add_settings(method, settings, catalog) for method in raw["method"]]
    return {**raw, **{key: value for key, value in added.items() if value}}


def find_preset_problems(raw: Json, catalog: Catalog) -> Iterator[tuple[SettingPath, str]]:
    """Why a preset does not fit what the file says, and what would."""
    name, sigma = _get_name(raw), raw.get("sigma")
    preset = catalog.presets.get(name, Preset())
    scaled = [known for known, other in catalog.presets.items() if other.scale_from_sigma]
    if preset.scale_from_sigma and sigma is None:
        yield ("preset",), f"'{name}' needs the decoder's standard deviation: sigma = 0.1, say, in [0, 1] units"
    if not preset.scale_from_sigma and sigma is not None:
        where = " or ".join(f"preset = '{known}'" for known in scaled) or "presets that scale by it"
        yield ("sigma",), f"is only for {where}; otherwise set the recon_scale of objectives, 1/(2 sigma^2)"
    datasets = _list_datasets(raw)
    for what in _find_dataset_problems(preset, [*dict.fromkeys(use for use, _ in datasets)]):
        yield ("preset",), f"'{name}' {what}"
    if preset.scale_from_sigma and len({_get_pixel_range(*dataset, catalog) for dataset in datasets}) > 1:
        yield ("preset",), f"'{name}' scales pixels of [0, 1] and [-1, 1] differently; put them into two groups"


def _find_dataset_problems(preset: Preset, datasets: Sequence[str]) -> Iterator[str]:
    """Why the preset has no training for these data sets, or more than one."""
    trainings = preset.training_by_dataset
    if not trainings:
        return
    known = [name for name in datasets if name in trainings]
    if other := next((name for name in known if trainings[name] != trainings[known[0]]), ""):
        yield f"trains {known[0]} and {other} differently; put them into two groups"
    for name in datasets:
        if name not in trainings:
            yield f"has no configuration for {name} (it has for {', '.join(trainings)}); set [training] yourself"


def _get_name(raw: Json) -> str:
    name = raw.get("preset", "")
    return name if isinstance(name, str) else ""


def _get_training(preset: Preset, raw: Json) -> Json:
    names = [use for use, _ in _list_datasets(raw)]
    return {**preset.training, **(preset.training_by_dataset.get(names[0], {}) if names else {})}


def _get_scale(preset: Preset, raw: Json, catalog: Catalog) -> Json:
    """1 / (2 sigma^2) for sigma in [0, 1] units, in the units that the network sees."""
    if not preset.scale_from_sigma:
        return {}
    stretch = 2 if {_get_pixel_range(*dataset, catalog) for dataset in _list_datasets(raw)} == {"sym"} else 1
    return {preset.scale_from_sigma: 1 / (2 * (stretch * float(raw["sigma"])) ** 2)}


def _list_datasets(raw: Json) -> list[tuple[str, Mapping[str, Any]]]:
    """The name and the settings of each data set."""
    given = raw.get("dataset", [])
    tables = [{"use": d} if isinstance(d, str) else d for d in (given if isinstance(given, list) else [given])]
    return [(d["use"], d) for d in tables if isinstance(d, dict) and isinstance(d.get("use"), str)]


def _get_pixel_range(use: str, settings: Mapping[str, Any], catalog: Catalog) -> str:
    default = _get_fields("dataset", use, catalog).get("pixel_range", {}).get("default", "")
    return str(settings.get("pixel_range") or default)


def _add_settings(method: Any, settings: Json, catalog: Catalog) -> Any:  # noqa: ANN401
    """The method with those of the settings that its objective has and the file does not set."""
    if not isinstance(method, dict) or not isinstance(method.get("objective"), str | dict):
        return method  # a mistake that is reported later
    objective = {"use": method["objective"]} if isinstance(method["objective"], str) else method["objective"]
    fields = _get_fields("objective", str(objective.get("use")), catalog)
    added = {name: value for name, value in settings.items() if name in fields}
    return {**method, "objective": {**added, **objective}} if added else method


def _get_fields(kind: str, use: str, catalog: Catalog) -> Json:
    try:
        return catalog.get_form(kind, use)[0]["fields"]
    except LookupError:
        return {}
