"""Tell what a folder of built distributions holds too much or too little: `python .ci/contents.py dist`."""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"vimae_bench": ROOT / "vimae_bench", "vimae_builtin": ROOT / "plugins" / "vimae_builtin"}
BESIDE = {"LICENSE", "README.md", "PKG-INFO", "pyproject.toml", "CHANGELOG.md", "CITATION.cff", ".gitignore"}
"""What an sdist has beside the packages; hatchling adds the list of what git ignores."""


def sources(prefix: str, folder: Path) -> set[str]:
    """Every file of a package, data and markers included, under the name it has in a distribution."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{prefix}/{path.relative_to(folder).as_posix()}" for path in files}


def faults(what: str, found: set[str], wanted: set[str]) -> list[str]:
    """A line for each file that is missing, and for each that has no business there."""
    missing, odd = sorted(wanted - found), sorted(found - wanted)
    return [*(f"{what} lacks {name}" for name in missing), *(f"{what} holds {name}" for name in odd)]


def of_wheel(path: Path) -> list[str]:
    """The packages, and the metadata that pip reads."""
    with zipfile.ZipFile(path) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    return faults(path.name, found, set().union(*(sources(name, folder) for name, folder in PACKAGES.items())))


def of_sdist(path: Path) -> list[str]:
    """The packages where they lie in the repository, and what a builder needs."""
    with tarfile.open(path) as sdist:
        found = {name.partition("/")[2] for name in sdist.getnames()}
    inside = (sources(folder.relative_to(ROOT).as_posix(), folder) for folder in PACKAGES.values())
    return faults(path.name, found, BESIDE.union(*inside))


def main(dist: Path) -> None:
    """Leave with the faults of the one wheel and the one sdist in the folder."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    sys.exit("\n".join(of_wheel(wheel) + of_sdist(sdist)) or 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
