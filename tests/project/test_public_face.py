"""What authors of plugins are promised: the names they import, each of them used and explained."""

import inspect
import re
import subprocess
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import pytest

import vimae_bench
from vimae_bench import plugin

ROOT = Path(__file__).parents[2]
PUBLIC = {
    f"vimae_bench{room}"
    for room in ("", ".data", ".execution", ".functional", ".metrics", ".models", ".plugin", ".testing", ".tracking")
}
IMPORT = re.compile(r"^\s*from (vimae_bench(?:\.\w+)*) import (\([^)]*\)|[^\n(#]+)", re.MULTILINE)
AUTHORS = (
    "vimae_bench/testing/scaffold/templates",
    "docs/how-to",
    "plugins/vimae-bench-swae",
    "plugins/vimae-bench-pythae",
)
BUILTINS = ("plugins/vimae_builtin",)
MOST = 70


def list_imports(folders: Iterable[str]) -> dict[tuple[str, str], Path]:
    """What is imported of vimae_bench below these folders: (module, name), and a file that does."""
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    imports: dict[tuple[str, str], Path] = {}
    for path in map(Path, listed.stdout.splitlines()):
        if path.suffix not in (".py", ".md", ".template"):
            continue
        for module, names in IMPORT.findall((ROOT / path).read_text(encoding="utf-8")):
            listed_names = re.sub(r"#.*", "", names).strip("()\n ").replace("\n", " ").split(",")
            imports |= {(module, name.split(" as ")[0].strip()): path for name in listed_names if name.strip()}
    return imports


BY_AUTHORS, BY_BUILTINS = list_imports(AUTHORS), list_imports(BUILTINS)
PROMISED = {*vimae_bench.__all__, *plugin.__all__, *(name for _, name in BY_AUTHORS)}


@pytest.mark.parametrize("imports", [BY_AUTHORS, BY_BUILTINS], ids=["third parties", "built-ins"])
def test_plugins_import_public_modules_alone(imports: dict[tuple[str, str], Path]) -> None:
    assert {f"{path}: {module}" for (module, _), path in imports.items() if module not in PUBLIC} == set()


@pytest.mark.parametrize("imports", [BY_AUTHORS, BY_BUILTINS], ids=["third parties", "built-ins"])
def test_what_plugins_import_is_listed_in_the_module(imports: dict[tuple[str, str], Path]) -> None:
    unlisted = {(module, name) for module, name in imports if name not in import_module(module).__all__}
    assert unlisted == set()


def test_authors_of_plugins_are_promised_few_names() -> None:
    assert len(PROMISED) <= MOST


def test_every_name_for_plugins_is_used_by_a_plugin() -> None:
    used = {name for _, name in (*BY_AUTHORS, *BY_BUILTINS)}
    assert {*plugin.__all__} - used == set()


def test_every_promised_name_has_a_docstring() -> None:
    modules = [import_module(module) for module in sorted(PUBLIC)]
    missing = {name for name in PROMISED for module in modules if name in module.__all__ and not explain(module, name)}
    assert missing - {"__version__"} == set()


def explain(module: object, name: str) -> str:
    """The docstring of a class or function; of a type alias, the string below its definition."""
    value = getattr(module, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        return inspect.getdoc(value) or ""
    alias = re.compile(rf'^{name}\b[^\n]*=[^\n]*(?:\n[^\n"]*)*?\n"""', re.MULTILINE)
    return next((str(path) for path in (ROOT / "vimae_bench").rglob("*.py") if alias.search(path.read_text())), "")


def test_all_names_of_a_public_module_can_be_imported() -> None:
    for module in map(import_module, sorted(PUBLIC)):
        assert all(hasattr(module, name) for name in module.__all__), module
        assert {*module.__all__} <= {*dir(module)}, module
