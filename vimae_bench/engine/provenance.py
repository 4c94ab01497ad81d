"""What a training and its measures are made from and by, and whether that is still the same when they go on.

Other data are refused. Another version of a plugin, or another source under the same version, ends what was made of a
training, which starts over. Another torch or device goes on, and is kept in the record and said once.
"""

import platform
import subprocess
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from shutil import which
from typing import Any, cast

import torch

from ..core.canonical import Json, fingerprint
from ..core.errors import DataError, ResultsError
from ..core.spec import MatrixEntry, PluginSpec, Run
from ..data.layout import describe_other_data, read_digests
from ..data.prepare import resolve_folder
from ..plugin.catalog import get_catalog
from ..plugin.manager import PluginOrigin, find_plugins
from ..plugin.registry import list_origins, list_run_origins
from ..plugin.source_digest import HARNESS, compute_source_digests
from ..storage.store import ResultsFolder
from .build import make_dataset


@dataclass(frozen=True)
class Provenance:
    """The sha256 of each array; versions of plugins' distributions and digests of their sources; torch and device.

    `earlier` are the torch and device of processes that trained before this one, where these were others.
    """

    data: Mapping[str, str]
    plugins: Mapping[str, str]
    sources: Mapping[str, str]
    torch: str
    device: str
    earlier: Sequence[Mapping[str, str]] = field(default=())

    def as_json(self) -> Json:
        return asdict(self)

    @property
    def key(self) -> str:
        """A fingerprint of what decides the numbers: data and code."""
        return fingerprint([dict(self.data), dict(self.plugins), dict(self.sources)])

    @property
    def place(self) -> dict[str, str]:
        """Where it is computed: torch and device."""
        return {"torch": self.torch, "device": self.device}


class OutdatedCheckpoint(Exception):
    """A checkpoint cannot be gone on from; the message says why."""


def describe_training(run: Run, data: Mapping[str, str], device: torch.device) -> Provenance:
    """What a run is trained from and by, in this process; `data` are the digests of its arrays."""
    plugins, sources = describe_code({*list_run_origins(run)})
    return Provenance(data, plugins, sources, str(torch.__version__), describe_device(device))


def describe_measuring(metric: PluginSpec, data: Mapping[str, str], device: torch.device) -> Json:
    """What a metric measures and is computed by, as its file has it."""
    plugins, sources = describe_code({*list_origins("metric", metric, get_catalog())})
    place = {"torch": str(torch.__version__), "device": describe_device(device)}
    return {"data": dict(data), **place, "plugins": plugins, "sources": sources}


def describe_code(origins: Set[PluginOrigin]) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of the distributions of plugins and of the harness, and the digests of their sources."""
    plugins = {origin.distribution: origin.version for origin in origins} | {HARNESS: version(HARNESS)}
    return dict(sorted(plugins.items())), compute_source_digests(origins)


def read_data_digests(run: Run, root: Path) -> dict[str, str]:
    """The digests of a run's arrays as they are on disk now."""
    return read_digests(resolve_folder(make_dataset(run), root))


def require_same_data(before: Mapping[str, Any], now: Mapping[str, str], what: str) -> None:
    """Raises DataError, with what differs and a remedy, for other data than `before`; nothing is known of no data."""
    if other := describe_other_data(before, now):
        raise DataError(
            f"{what} was made from other data: {other} {'have' if ' and ' in other else 'has'} changed since; put back "
            "what was there, or keep results of the new data apart with --results"
        )


def check_recorded_data(
    results: ResultsFolder, entries: Sequence[MatrixEntry], unfinished: Sequence[Run], root: Path
) -> None:
    """Raises DataError if a finished run was trained on other data than the `unfinished` runs would be.

    Of all finished runs on a data set one is looked at: workers look at each that they measure.
    """
    pending = {run.dataset.key: run for run in unfinished}
    for entry in entries:
        if (run := pending.get(entry.run.dataset.key)) is None:
            continue
        folder = results.run_folder(entry.run)
        try:
            data: Json = folder.read_record().get("data") or {}
        except ResultsError:  # it is made again
            continue
        if data:
            require_same_data(data, read_data_digests(run, root), f"the run in {folder.path}")
            del pending[entry.run.dataset.key]


def is_provenance(value: object) -> bool:
    """Whether a part of a state has the form of a provenance."""
    if not isinstance(value, dict):
        return False
    found = cast("dict[str, object]", value)
    if found.keys() != {one.name for one in fields(Provenance)} or not isinstance(found["earlier"], list | tuple):
        return False
    earlier = cast("Sequence[object]", found["earlier"])
    return all(isinstance(part, dict) for part in (found["data"], found["plugins"], found["sources"], *earlier))


def resume_provenance(made_from: object, now: Provenance, what: str) -> tuple[Provenance, str]:
    """The provenance of a training that goes on from a state that was `made_from` something, and what to say of it.

    States of older versions do not say what they were made from. Raises DataError for other data, OutdatedCheckpoint
    for another version or source of a plugin.
    """
    if not isinstance(made_from, dict):
        return now, ""
    before = Provenance(**cast("Json", made_from))
    require_same_data(before.data, now.data, what)
    if reason := _describe_other_plugins(before, now):
        raise OutdatedCheckpoint(reason)
    earlier = [*before.earlier, *([before.place] if before.place != now.place else [])]
    changed = [f"{name} {now.place[name]} after {old}" for name, old in before.place.items() if old != now.place[name]]
    remark = f"its training goes on with {', '.join(changed)}" if changed else ""
    return replace(now, earlier=earlier), remark


def _describe_other_plugins(before: Provenance, now: Provenance) -> str:
    versions = [
        f"{name} {now.plugins.get(name, 'is gone')} after {old}"
        for name, old in before.plugins.items()
        if now.plugins.get(name) != old
    ]
    sources = [f"another source of {name}" for name, old in before.sources.items() if now.sources.get(name) != old]
    return ", ".join([*versions, *sources])


@cache
def describe_software() -> Json:
    """What a run is made by, apart from its device. Looking it up takes longer than most of a run's other records."""
    return {
        HARNESS: version(HARNESS),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "plugins": {source.distribution: source.version for source in find_plugins()},
        "commit": _harness_commit(),
    }


def describe_device(device: torch.device) -> str:
    """The name of a GPU or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu {_processor_name()}"


@cache
def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def _harness_commit() -> str:
    """The commit of the harness's checkout, empty for an installed wheel and where there is no git."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists() or not which("git"):
        return ""
    done = subprocess.run(["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
