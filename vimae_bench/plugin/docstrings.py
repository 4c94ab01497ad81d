"""The docstring of a class, and the strings below its attributes, for the help of editors."""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise


def get_class_docstring(target: object) -> str:
    """The docstring without its indentation; empty if its author wrote none."""
    docstring = inspect.getdoc(target) or ""
    generated = f"{getattr(target, '__name__', '')}("  # by `dataclass`, from the signature
    return "" if docstring.startswith(generated) else docstring


def get_attribute_docstrings(target: object) -> dict[str, str]:
    """The string below each annotated attribute of a class and of its bases, by the name of the attribute."""
    docstrings: dict[str, str] = {}
    for base in reversed(inspect.getmro(target)) if inspect.isclass(target) else ():
        definition = _parse_classes(base.__module__).get(base.__qualname__)
        docstrings.update(_read_attribute_docstrings(definition) if definition else ())
    return docstrings


@cache
def _parse_classes(module: str) -> dict[str, ast.ClassDef]:
    """The definitions of a module's classes by their qualified names; none if it is built in, or has no file."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, SyntaxError, TypeError, ValueError):
        return {}
    return dict(_list_classes(tree, ""))


def _list_classes(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef():
                yield prefix + child.name, child
                yield from _list_classes(child, f"{prefix}{child.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _list_classes(child, f"{prefix}{child.name}.<locals>.")
            case ast.stmt() | ast.excepthandler() | ast.match_case():
                yield from _list_classes(child, prefix)
            case _:
                continue


def _read_attribute_docstrings(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for attribute, docstring in pairwise(definition.body):
        match attribute, docstring:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                continue
