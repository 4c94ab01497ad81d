"""A new package from the templates in this folder."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from ...core.errors import BenchError
from ...plugin.catalog import Catalog
from .names import PackageNames, check_available, derive_names

TEMPLATES = files("vimae_bench.testing.scaffold").joinpath("templates")
KINDS = ("objective", "prior", "divergence", "architecture", "metric", "picture", "dataset")
KIND_LABELS = {"dataset": "data set"}


def new_package(kind: str, name: str, into: Path, catalog: Catalog) -> Path:
    """Create a package with one plugin in a new folder of `into`; returns the folder.

    Raises BenchError for a name that is not valid or exists already. No file is overwritten.
    """
    names, template = derive_names(name), TEMPLATES.joinpath(kind)
    check_available(names, kind, into, catalog, template.joinpath("module.py.template").read_text())
    folder = into / names.distribution
    values = _make_values(names, kind)
    for path, source in _list_files(names, template).items():
        _write(folder / path, _render(source, values))
    return folder


def new_benchmark(name: str, into: Path) -> Path:
    """Create a benchmark file with comments; returns its path. Raises BenchError as `new_package` does."""
    names = derive_names(name)
    path = into / f"{names.plugin}.toml"
    _write(path, _render(TEMPLATES.joinpath("benchmark.toml.template"), _make_values(names, "benchmark")))
    return path


def _make_values(names: PackageNames, kind: str) -> dict[str, str]:
    return {
        "name": names.plugin,
        "spoken": names.label,
        "distribution": names.distribution,
        "module": names.module,
        "cls": names.cls,
        "kind": KIND_LABELS.get(kind, kind),
        "page": kind,
    }


def _list_files(names: PackageNames, template: Traversable) -> dict[str, Traversable]:
    return {
        "pyproject.toml": TEMPLATES.joinpath("pyproject.toml.template"),
        "README.md": TEMPLATES.joinpath("README.md.template"),
        f"{names.module}.py": template.joinpath("module.py.template"),
        f"tests/test_{names.plugin}.py": template.joinpath("test.py.template"),
        f"{names.plugin}.toml": template.joinpath("benchmark.toml.template"),
    }


def _render(source: Traversable, values: dict[str, str]) -> str:
    return Template(source.read_text(encoding="utf-8")).substitute(values)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BenchError(f"{path} exists already and is not changed; choose another name or --into") from error
    except (PermissionError, NotADirectoryError) as error:
        raise BenchError(f"{path}: {error.strerror}; choose another --into") from error
