"""What is kept on a machine is kept in a folder of the user's own, and a folder of others is passed over."""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vimae_bench.data.prepare import get_data_folder
from vimae_bench.engine.step import compiler_cache
from vimae_bench.storage.array_cache import cached_arrays
from vimae_bench.storage.cache_folder import (
    SharedFolderError,
    check_own_folder,
    get_cache_folder,
    get_user_folder,
    make_own_folder,
)


def test_a_folder_is_made_for_its_user_alone(tmp_path):
    path = make_own_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o700, 0o700]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path, monkeypatch, mode):
    tmp_path.joinpath("shared").mkdir()
    tmp_path.joinpath("shared").chmod(mode)
    monkeypatch.setenv("VIMAE_BENCH_CACHE", str(tmp_path / "shared"))
    for use in (make_own_folder, check_own_folder):
        with pytest.raises(SharedFolderError, match="others may write to it"):
            use(tmp_path / "shared")
    with pytest.raises(SharedFolderError):
        compiler_cache.use_own_compiler_cache(1)
    assert cached_arrays("numbers", {}, lambda: {"x": np.ones(3)})["x"].tolist() == [1, 1, 1]
    assert list((tmp_path / "shared").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_not_used(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o755)
    os.chown(tmp_path / "theirs", 12345, 12345)
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    for path in (tmp_path / "theirs", tmp_path / "link"):
        with pytest.raises(SharedFolderError, match="belongs to another user"):
            make_own_folder(path)


def test_a_user_without_a_home_has_folders(monkeypatch, tmp_path):
    def fail(_):
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME", "VIMAE_BENCH_CACHE", "VIMAE_BENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert get_user_folder() == tmp_path / f"vimae-bench-{os.getuid()}"
    assert get_cache_folder() == get_user_folder()
    assert get_data_folder() == get_user_folder() / "data"


def test_a_tilde_in_the_environment_is_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VIMAE_BENCH_CACHE", "~/c")
    monkeypatch.setenv("VIMAE_BENCH_DATA", "~/d")
    assert (get_cache_folder(), get_data_folder()) == (tmp_path / "c", tmp_path / "d")


COMPILER = """
import os, sys
if sys.argv[1] == "torch first":
    import torch._dynamo
from vimae_bench.engine.step.compiler_cache import use_own_compiler_cache
use_own_compiler_cache(1)
from torch._inductor import codecache
from torch._inductor.runtime import cache_dir_utils
named = [os.environ[name] for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")]
print(*named, codecache.cache_dir(), cache_dir_utils.default_cache_dir(), getattr(codecache, "_HEADER_DIR", ""))
"""


@pytest.mark.medium
@pytest.mark.parametrize("order", ["torch first", "torch last"])
def test_compiled_code_is_kept_in_our_folder_whenever_torch_was_imported(tmp_path, order):
    environment = {k: v for k, v in os.environ.items() if k not in compiler_cache.VARIABLES}
    environment |= {"VIMAE_BENCH_CACHE": str(tmp_path / "ours"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPILER, order],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    folder = tmp_path / "ours" / "steps" / "code-1"
    assert all(Path(place).is_relative_to(folder) for place in done.stdout.split())
    assert len(done.stdout.split()) >= 4


END = """
import os, sys
from multiprocessing import util
from vimae_bench.engine.step.compiler_cache import get_step_folder, use_temporary_cache
for _ in range(2):
    with use_temporary_cache():
        print(get_step_folder().parent, oct(os.stat(get_step_folder().parent).st_mode))
if sys.argv[1] == "worker":
    util._run_finalizers(0)
    os._exit(0)
"""


@pytest.mark.parametrize("process", ["worker", "command"])
def test_a_temporary_cache_is_the_users_own_and_ends_with_its_process(tmp_path, process):
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", END, process], env=environment, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith(f"{tmp_path}/vimae-bench-")
    assert first.endswith("0o40700")
    assert not list(tmp_path.iterdir())
