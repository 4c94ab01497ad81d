"""Find records made by other versions of the software than most of their table, and measures of old metrics."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.results import Measure
from ..plugin.catalog import CatalogEntry, get_catalog
from ..storage.store import RunResult

SOFTWARE = ("vimae-bench", "torch")
"""The fields of `made_by` that are compared, in addition to the distributions of plugins."""


def find_version_outliers(run_results: Sequence[RunResult]) -> dict[Path, str]:
    """The runs of one table made by other versions than most, by folder, with the versions that differ."""
    made = {result.folder: get_software_versions(result.record) for result in run_results if result.record}
    counts: dict[str, Counter[str]] = {}
    for name, version in (item for versions in made.values() for item in versions.items()):
        counts.setdefault(name, Counter())[version] += 1
    usual = {name: count.most_common(1)[0][0] for name, count in counts.items()}
    found = {folder: _list_differences(versions, usual) for folder, versions in made.items()}
    return {folder: ", ".join(differences) for folder, differences in found.items() if differences}


def get_software_versions(record: Mapping[str, Any]) -> dict[str, str]:
    """The versions of the software that made a record."""
    made = record.get("made_by") or {}
    versions = {name: made[name] for name in SOFTWARE if name in made} | (made.get("plugins") or {})
    return {name: str(version) for name, version in versions.items()}


def is_outdated(measure: Measure) -> bool:
    """Whether a later version of the metric that measured it is installed."""
    entry = find_metric(measure.metric)
    return entry is not None and measure.version < entry.version


def find_metric(name: str) -> CatalogEntry | None:
    """The installed metric of this name, or None."""
    try:
        return get_catalog().get_entry("metric", name)
    except LookupError:
        return None


def _list_differences(versions: Mapping[str, str], usual: Mapping[str, str]) -> list[str]:
    return [f"{name} {version} (most: {usual[name]})" for name, version in versions.items() if version != usual[name]]
