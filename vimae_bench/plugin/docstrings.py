"""The docstring of a class, and the strings below its attributes, for the help of editors."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
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
        docstrings.update(_read_attribute_docstrings(base))
    return docstrings


def _read_attribute_docstrings(target: type) -> Iterator[tuple[str, str]]:
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(target))).body
    except (OSError, SyntaxError, TypeError, ValueError):  # built in, or defined where there is no file
        return
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for attribute, docstring in pairwise(body):
        match attribute, docstring:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                continue
