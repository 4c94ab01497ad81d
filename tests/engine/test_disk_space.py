import shutil
from collections import namedtuple

import pytest

from vimae_bench.core.errors import ResultsError
from vimae_bench.engine.disk_space import check_disk_space
from vimae_bench.execution import PluginSpec, Run, Training

Usage = namedtuple("Usage", "total used free")
MIB = 2**20


@pytest.fixture
def runs():
    """Four runs of two models, of which one is known to weigh 100 MiB and the other nothing."""
    made = []
    for method in ("heavy", "light"):
        for seed in (1, 2):
            run = Run(
                PluginSpec("digits"), PluginSpec("mlp"), PluginSpec(method), PluginSpec("normal"), 2, Training(), seed
            )
            made.append(run)
    return made


@pytest.fixture
def weights(runs):
    sizes = {"heavy": 100 * MIB, "light": 0}
    return {
        Run(r.dataset, r.architecture, r.objective, r.prior, r.latent, r.training, 0).key: sizes[r.objective.name]
        for r in runs
    }


@pytest.fixture
def free(monkeypatch):
    def is_free(size):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, size))

    monkeypatch.setattr("os.cpu_count", lambda: 1)
    return is_free


def test_weights_checkpoints_and_other_files_have_to_fit(runs, weights, free, tmp_path):
    needed = (2 * 100 + 4 * 2 + 9 * 100) * MIB
    free(needed)
    check_disk_space(tmp_path / "b", runs, weights)
    free(needed - 1)
    with pytest.raises(ResultsError, match=r"about 1\.08 GiB will be written by 4 runs, and 1\.08 GiB is free"):
        check_disk_space(tmp_path / "b", runs, weights)


def test_a_folder_that_is_not_there_yet_lies_on_the_disk_of_those_above(runs, weights, tmp_path):
    check_disk_space(tmp_path / "not" / "there" / "b", runs, weights)
