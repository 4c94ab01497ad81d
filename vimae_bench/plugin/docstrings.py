"""What a class says of itself and of its settings, for editors: its docstring, and the string below each attribute."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise


def get_class_docstring(target: object) -> str:
    """The docstring without its indentation; empty where there is none of its author's own."""
    said = inspect.getdoc(target) or ""
    made = f"{getattr(target, '__name__', '')}("  # by `dataclass`, which spells out the signature
    return "" if said.startswith(made) else said


def get_attribute_docstrings(target: object) -> dict[str, str]:
    """The string below each annotated attribute of a class and of those it is made from, by the attribute's name."""
    found: dict[str, str] = {}
    for part in reversed(inspect.getmro(target)) if inspect.isclass(target) else ():
        found.update(_below(part))
    return found


def _below(target: type) -> Iterator[tuple[str, str]]:
    try:
        (made,) = ast.parse(textwrap.dedent(inspect.getsource(target))).body
    except (OSError, SyntaxError, TypeError, ValueError):  # built in, or made where no file is
        return
    body = made.body if isinstance(made, ast.ClassDef) else []
    for attribute, said in pairwise(body):
        match attribute, said:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                continue
