"""The form of a benchmark file, as plain data: reading it needs neither torch nor pydantic."""

from functools import cache

from ..core.canonical import Json
from ..plugin.catalog import read_cached_description


@cache
def get_file_form() -> Json:
    """The form by which a benchmark file is checked, made from the types in `file_schema.py`."""
    return read_cached_description("benchmark-file", _describe_file)


def _describe_file() -> Json:
    from ..plugin.kinds import INTERFACES
    from ..plugin.settings import describe_settings
    from .file_schema import BenchmarkFile

    return describe_settings(BenchmarkFile, INTERFACES)
