"""Records made by another version of the harness, of a plugin's distribution or of torch than those beside them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..storage.store import RunResult

SOFTWARE = ("vimae-bench", "torch")
"""What of `made_by`, besides the distributions of plugins, makes a record another one."""


def find_version_outliers(run_results: Sequence[RunResult]) -> dict[Path, str]:
    """The runs of one table that were made by other versions than most of them, by folder, and in what they differ."""
    made = {result.folder: get_software_versions(result.record) for result in run_results if result.record}
    counts: dict[str, Counter[str]] = {}
    for name, version in (item for told in made.values() for item in told.items()):
        counts.setdefault(name, Counter())[version] += 1
    usual = {name: count.most_common(1)[0][0] for name, count in counts.items()}
    found = {folder: _list_differences(told, usual) for folder, told in made.items()}
    return {folder: ", ".join(said) for folder, said in found.items() if said}


def get_software_versions(record: Mapping[str, Any]) -> dict[str, str]:
    """The versions that a record was made by."""
    made = record.get("made_by") or {}
    told = {name: made[name] for name in SOFTWARE if name in made} | (made.get("plugins") or {})
    return {name: str(version) for name, version in told.items()}


def _list_differences(told: Mapping[str, str], usual: Mapping[str, str]) -> list[str]:
    return [f"{name} {version} (most: {usual[name]})" for name, version in told.items() if version != usual[name]]
