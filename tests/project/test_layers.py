"""Which module imports which."""

import ast
import re
from collections.abc import Iterator

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from helpers.source_code import find_circles, make_import_graph, merge_modules, parse_modules


def test_import_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_modules_import_each_other() -> None:
    assert find_circles(make_import_graph()) == []


@pytest.mark.parametrize("depth", [2, 3])
def test_no_folders_import_each_other(depth: int) -> None:
    """Rooms such as `vimae_bench.engine`, then folders in them. The root of a package only collects names."""
    inner = {name: imported for name, imported in make_import_graph().items() if name.count(".") >= depth - 1}
    assert find_circles(merge_modules(inner, depth)) == []


def test_no_module_lies_in_the_root_of_the_package() -> None:
    modules = parse_modules()
    folders = {name.rpartition(".")[0] for name in modules}
    loose = {name for name in modules if name.count(".") == 1 and name not in folders and "builtin" not in name}
    assert loose == {"vimae_bench.__main__"}


PRIVATE_TORCH = re.compile(r"\btorch(\.\w+)*(\.| import )_(?!_)|torch\.fx\.experimental")


def test_private_parts_of_torch_are_used_in_one_module() -> None:
    users = {
        name for name, tree in parse_modules().items() if any(PRIVATE_TORCH.search(line) for line in _list_uses(tree))
    }
    assert users == {"vimae_bench.engine.step.torch_internals"}


def _list_uses(tree: ast.Module) -> Iterator[str]:
    """The imports and the attributes of a module, as they are written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Attribute):
            yield ast.unparse(node)


def test_circles_are_found() -> None:
    graph = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a"}), "d": frozenset({"a"})}
    assert find_circles(graph) == [["a", "b", "c"]]
