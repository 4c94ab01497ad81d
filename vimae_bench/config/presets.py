"""Presets: what a paper leaves open, fixed under a name. What a file spells out itself goes before them.

paper       the VIMAE paper as printed: every method minimises 1 * SSE + its regulariser, at a constant rate
wae         the code of WAE that it says it reuses (github.com/tolstikhin/wae): 0.05 * SSE, falling learning rates,
            the encoder pre-trained, batches drawn independently
calibrated  one Gaussian decoder of the stated `sigma` for all methods: SSE / (2 sigma^2), sigma in [0, 1] units, so
            that beta = 1 is the ELBO (Rybkin et al., sigma-VAE, 2006.13202)
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.canonical import Json
from ..plugin.catalog import Catalog
from ..plugin.settings import SettingPath

SCALES = {"paper": 1.0, "wae": 0.05}
"""The `recon_scale` of the presets that do not ask for a sigma."""
SIGMAS = (1e-6, 1e6)
"""Between these 1/(2 sigma^2) is a number; a file's form says the same."""
GREY: Json = {"epochs": 100, "schedule": "wae_steps", "pretraining_batch": 1000}
COLOUR: Json = {"epochs": 50, "schedule": "wae_smooth", "pretraining_batch": 256}
WAE: Json = {"sampling": "choice", "pretraining": 200}
CONFIGURATIONS: dict[str, Json] = {
    "mnist": GREY,
    "fashion_mnist": GREY,
    "omniglot": GREY,
    "cifar10": COLOUR,
    "celeba": COLOUR,
}
"""Which of the WAE code's two configurations, MNIST's and CelebA's, is that of a data set."""


def apply_preset(raw: Json, catalog: Catalog) -> Json:
    """A copy of one group's raw tables with what its preset fixes and the file does not."""
    preset = raw.get("preset", "")
    wrong = preset not in (*SCALES, "calibrated") or not all(
        isinstance(raw.get(key, default), kind)
        for key, default, kind in (("method", [], list), ("training", {}, dict), ("sigma", 0, int | float))
    )
    if wrong or not SIGMAS[0] <= raw.get("sigma", 1) <= SIGMAS[1] or [*find_preset_problems(raw, catalog)]:
        return raw  # wrong in a way that the checker tells
    scale = SCALES.get(preset) or _calibrated(raw, catalog)
    made: Json = {"training": {**_training(preset, raw), **raw.get("training", {})}}
    if "method" in raw:
        made["method"] = [_scaled(method, scale, catalog) for method in raw["method"]]
    return {**raw, **{key: value for key, value in made.items() if value}}


def find_preset_problems(raw: Json, catalog: Catalog) -> Iterator[tuple[SettingPath, str]]:
    """Why a preset does not fit what the file says, and what would."""
    preset, sigma = raw.get("preset", ""), raw.get("sigma")
    if preset == "calibrated" and sigma is None:
        yield ("preset",), "'calibrated' needs the decoder's standard deviation: sigma = 0.1, say, in [0, 1] units"
    if preset != "calibrated" and sigma is not None:
        yield (
            ("sigma",),
            "is for preset = 'calibrated' alone; otherwise set the recon_scale of objectives, 1/(2 sigma^2)",
        )
    names = [use for use, _ in _datasets(raw)]
    if preset == "wae" and len({CONFIGURATIONS.get(name, {}).get("schedule") for name in names}) > 1:
        yield ("preset",), "'wae' trains grey and colour images differently; put them into two groups"
    for name in names:
        if preset == "wae" and name not in CONFIGURATIONS:
            known = ", ".join(CONFIGURATIONS)
            yield ("preset",), f"'wae' has no configuration for {name} (it has for {known}); set [training] yourself"
    if preset == "calibrated" and len({_range(*d, catalog) for d in _datasets(raw)}) > 1:
        yield ("preset",), "'calibrated' scales pixels of [0, 1] and [-1, 1] differently; put them into two groups"


def _training(preset: str, raw: Json) -> Json:
    names = [use for use, _ in _datasets(raw)]
    return {**CONFIGURATIONS[names[0]], **WAE} if preset == "wae" and names else {}


def _calibrated(raw: Json, catalog: Catalog) -> float:
    """1 / (2 sigma^2) for sigma in [0, 1] units, in the units that the network sees."""
    stretch = 2 if {_range(*d, catalog) for d in _datasets(raw)} == {"sym"} else 1
    return 1 / (2 * (stretch * float(raw["sigma"])) ** 2)


def _datasets(raw: Json) -> list[tuple[str, Mapping[str, Any]]]:
    given = raw.get("dataset", [])
    named = [{"use": d} if isinstance(d, str) else d for d in (given if isinstance(given, list) else [given])]
    return [(d["use"], d) for d in named if isinstance(d, dict) and isinstance(d.get("use"), str)]


def _range(use: str, settings: Mapping[str, Any], catalog: Catalog) -> str:
    default = _fields("dataset", use, catalog).get("pixel_range", {}).get("default", "")
    return str(settings.get("pixel_range") or default)


def _scaled(method: Any, scale: float, catalog: Catalog) -> Any:  # noqa: ANN401
    """The method with the preset's `recon_scale`, where its objective has one and the file does not set it."""
    if not isinstance(method, dict) or not isinstance(method.get("objective"), str | dict):
        return method  # wrong in a way that is told later
    objective = {"use": method["objective"]} if isinstance(method["objective"], str) else method["objective"]
    if "recon_scale" not in _fields("objective", str(objective.get("use")), catalog):
        return method
    return {**method, "objective": {"recon_scale": scale, **objective}}


def _fields(kind: str, use: str, catalog: Catalog) -> Json:
    try:
        return catalog.get_form(kind, use)[0]["fields"]
    except LookupError:
        return {}
