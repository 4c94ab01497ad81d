"""Where compiled code is kept: in a folder that is the user's own, as it is run.

torch would keep it in a folder of the machine's temporary ones, which whoever comes first can make.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from functools import cache
from multiprocessing import util
from pathlib import Path

from ...storage.cache_folder import CACHE_VARIABLE, get_cache_folder, make_cache_folder, make_own_folder

VARIABLES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
_chosen: dict[str, str] = {}
"""What this process has set the variables to."""


def get_step_folder() -> Path:
    """Compiled steps, and what they brought."""
    return get_cache_folder() / "steps"


def reserve_compiler_cache() -> None:
    """Name our folder to torch before it chooses one, which it does when it is imported. Nothing is made yet."""
    _set_variables(get_step_folder() / "code")


def use_own_compiler_cache(threads: int) -> None:
    """Keep compiled code in our folder, one for each number of threads, or in one that the user has named.

    Raises SharedFolderError where others may write to it, and OSError where it cannot be made.
    """
    make_cache_folder(get_step_folder())
    _set_variables(get_step_folder() / f"code-{threads}")
    for name in VARIABLES:
        make_own_folder(Path(os.environ[name]))
    # Its own pool of compiler processes would load torch once more for each, for a dozen small files.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    from .torch_internals import replace_default_compiler_cache

    replace_default_compiler_cache(os.environ["TORCHINDUCTOR_CACHE_DIR"])


@contextlib.contextmanager
def use_temporary_cache() -> Generator[None]:
    """In this block the cache is a folder of this process, removed when that ends: for code that cannot be kept.

    It stays until then, since torch loads some of what it has compiled late.
    """
    names = (CACHE_VARIABLE, *VARIABLES)
    before, chosen = {name: os.environ.get(name) for name in names}, dict(_chosen)
    folder = _make_temporary_folder()
    try:
        for name in VARIABLES:
            os.environ.pop(name, None)
        os.environ[CACHE_VARIABLE] = folder
        _forget_failures()
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _chosen.clear()
        _chosen.update(chosen)


@cache
def _make_temporary_folder() -> str:
    folder = tempfile.mkdtemp(prefix="vimae-bench-")
    util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)  # workers end without what atexit would call
    return folder


def _forget_failures() -> None:
    """What the compiler could not find out where it could not write, it would not try again."""
    if "torch" in sys.modules:
        from .torch_internals import forget_vector_instructions

        forget_vector_instructions()


def _set_variables(folder: Path) -> None:
    for name, place in zip(VARIABLES, (folder, folder / "triton"), strict=True):
        given = os.environ.get(name)
        if given in (None, _chosen.get(name)) or _is_chosen_by_torch(given):
            os.environ[name] = _chosen[name] = str(place)


def _is_chosen_by_torch(folder: str) -> bool:
    if "torch" not in sys.modules:
        return False
    from .torch_internals import is_default_compiler_cache

    return is_default_compiler_cache(folder)
