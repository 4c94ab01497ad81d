"""Names in the code say what they name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from helpers.source_code import parse_modules

IRREGULAR_PARTICIPLES = {
    *("begun", "bound", "broken", "built", "chosen", "done", "drawn", "driven", "forgotten", "found", "given"),
    *("gone", "grown", "held", "hidden", "hung", "kept", "known", "left", "lent", "lost", "made", "meant", "met"),
    *("said", "seen", "sent", "shown", "sought", "spelt", "split", "spoilt", "sunk", "taken", "taught", "thrown"),
    *("told", "torn", "undone", "unsound", "won", "worn", "written"),
}
VERBS = {"embed", "feed", "need", "seed", "shed", "speed", "split"}
"""Words that only look like participles, or are also verbs."""


def test_no_function_is_named_by_a_participle_alone() -> None:
    found = [
        f"{module}.{function.name}"
        for module, tree in parse_modules().items()
        for function in find_functions(tree)
        if is_participle(function.name.strip("_"))
    ]
    assert found == []


def test_no_two_classes_have_the_same_name() -> None:
    """A leading underscore does not make a difference."""
    classes = defaultdict[str, list[str]](list)
    for module, tree in parse_modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes[node.name.strip("_")].append(f"{module}.{node.name}")
    assert [names for names in classes.values() if len(names) > 1] == []


def find_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods except properties, which are named as values are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if not decorators & {"property", "cached_property"}:
                yield node


def is_participle(name: str) -> bool:
    return name not in VERBS and (name in IRREGULAR_PARTICIPLES or bool(re.fullmatch(r"[a-z]+ed", name)))


@pytest.mark.parametrize(("name", "expected"), [("rounded", True), ("told", True), ("embed", False), ("load", False)])
def test_participles_are_recognized(name: str, expected: bool) -> None:
    assert is_participle(name) == expected
