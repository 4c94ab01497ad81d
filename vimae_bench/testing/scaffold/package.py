"""A new package made from the templates beside this file."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from ...core.errors import BenchError
from ...plugin.catalog import Catalog
from .names import Names, check_free, named

TEMPLATES = files("vimae_bench.testing.scaffold").joinpath("templates")
KINDS = ("objective", "prior", "divergence", "architecture", "metric", "dataset")
SPOKEN = {"dataset": "data set"}


def new_package(kind: str, name: str, into: Path, catalog: Catalog) -> Path:
    """Make a package with one plugin in a new folder of `into`; gives the folder.

    Raises BenchError for a name that cannot be used, or that is taken. Nothing is written over.
    """
    names, template = named(name), TEMPLATES.joinpath(kind)
    check_free(names, kind, into, catalog, template.joinpath("module.py.template").read_text())
    folder = into / names.distribution
    words = _words(names, kind)
    for path, source in _files(names, template).items():
        _write(folder / path, _rendered(source, words))
    return folder


def new_benchmark(name: str, into: Path) -> Path:
    """Make a benchmark file that explains itself; gives its path. Raises BenchError as `new_package` does."""
    names = named(name)
    path = into / f"{names.plugin}.toml"
    _write(path, _rendered(TEMPLATES.joinpath("benchmark.toml.template"), _words(names, "benchmark")))
    return path


def _words(names: Names, kind: str) -> dict[str, str]:
    return {
        "name": names.plugin,
        "spoken": names.spoken,
        "distribution": names.distribution,
        "module": names.module,
        "cls": names.cls,
        "kind": SPOKEN.get(kind, kind),
        "page": kind,
    }


def _files(names: Names, template: Traversable) -> dict[str, Traversable]:
    return {
        "pyproject.toml": TEMPLATES.joinpath("pyproject.toml.template"),
        "README.md": TEMPLATES.joinpath("README.md.template"),
        f"{names.module}.py": template.joinpath("module.py.template"),
        f"tests/test_{names.plugin}.py": template.joinpath("test.py.template"),
        f"{names.plugin}.toml": template.joinpath("benchmark.toml.template"),
    }


def _rendered(source: Traversable, words: dict[str, str]) -> str:
    return Template(source.read_text(encoding="utf-8")).substitute(words)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BenchError(f"{path} is there already, and left as it is; take another name or --into") from error
    except (PermissionError, NotADirectoryError) as error:
        raise BenchError(f"{path}: {error.strerror}; take another --into") from error
