"""Settings chosen on held-out images, with the same number of trials for every method."""

from importlib.util import find_spec

from ..core.errors import BenchError

LIBRARIES = ("optuna", "tomlkit")
"""What is installed with the extra `tune` alone."""


def require_libraries() -> None:
    """Raises BenchError, with what to install, where a library is missing."""
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        raise BenchError(f"tuning needs {' and '.join(missing)}: python -m pip install 'vimae-bench[tune]'")
