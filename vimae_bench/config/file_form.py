"""The form of a benchmark file, as plain data: reading it needs neither torch nor pydantic."""

from functools import cache

from ..core.canonical import Json
from ..plugin.catalog import cached_description


@cache
def file_form() -> Json:
    """The form by which a benchmark file is checked, made from the types in `file_schema.py`."""
    return cached_description("benchmark-file", _describe_file)


def _describe_file() -> Json:
    from ..plugin.kinds import KINDS
    from ..plugin.settings import describe
    from .file_schema import FileForm

    return describe(FileForm, KINDS)
