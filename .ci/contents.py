"""Check that built distributions contain exactly the packages' files: `python .ci/contents.py dist`."""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"vimae_bench": ROOT / "vimae_bench", "vimae_builtin": ROOT / "plugins" / "vimae_builtin"}
SDIST_EXTRAS = {"LICENSE", "README.md", "PKG-INFO", "pyproject.toml", "CHANGELOG.md", "CITATION.cff", ".gitignore"}
"""Files of an sdist besides the packages; hatchling adds `.gitignore`."""


def list_package_files(prefix: str, folder: Path) -> set[str]:
    """All files of a package, by their names in a distribution."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{prefix}/{path.relative_to(folder).as_posix()}" for path in files}


def describe_differences(name: str, found: set[str], expected: set[str]) -> list[str]:
    """A line for each missing and each unexpected file."""
    missing, unexpected = sorted(expected - found), sorted(found - expected)
    return [*(f"{name} lacks {file}" for file in missing), *(f"{name} contains {file}" for file in unexpected)]


def check_wheel(path: Path) -> list[str]:
    """Compare the files of a wheel, apart from its metadata, with the packages."""
    with zipfile.ZipFile(path) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = set().union(*(list_package_files(name, folder) for name, folder in PACKAGES.items()))
    return describe_differences(path.name, found, expected)


def check_sdist(path: Path) -> list[str]:
    """Compare the files of an sdist with the packages and `SDIST_EXTRAS`."""
    with tarfile.open(path) as sdist:
        found = {name.partition("/")[2] for name in sdist.getnames()}
    packages = (list_package_files(folder.relative_to(ROOT).as_posix(), folder) for folder in PACKAGES.values())
    return describe_differences(path.name, found, SDIST_EXTRAS.union(*packages))


def main(dist: Path) -> None:
    """Exit with the differences of the one wheel and the one sdist in the folder."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    sys.exit("\n".join(check_wheel(wheel) + check_sdist(sdist)) or 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
