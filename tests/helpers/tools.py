"""Tools that some tests need: these tests are skipped if a tool is not installed."""

import shutil
import sys
from pathlib import Path

import pytest


def require_program(*names: str) -> str:
    """The path of the first of these programs that is installed, in this environment or on `PATH`. Skips if none is."""
    scripts = str(Path(sys.executable).parent)
    found = next(
        (path for name in names for path in (shutil.which(name, path=scripts), shutil.which(name)) if path), None
    )
    return found or pytest.skip(f"needs {names[0]}, which is not installed")
