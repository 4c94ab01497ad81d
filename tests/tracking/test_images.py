"""The image grid of MLflow finds the pictures of a run, each once."""

import re

import pytest
from mlflow.tracking.multimedia import Image as Shown
from PIL import Image

from vimae_bench.tracking.images import make_grid_images
from vimae_bench.tracking.sync import sync_benchmark

pytestmark = pytest.mark.medium

NAME = re.compile(r"samples\+step\+0\+timestamp\+(\d+)\+[0-9a-f-]{36}(\+compressed)?\.(png|webp)")


def images(bench) -> list[str]:
    (run,) = bench.read_mlflow_runs()
    return [name.removeprefix("images/") for name in run["files"] if name.startswith("images/")]


def test_a_picture_has_the_name_that_mlflow_gives_its_own(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    ours = images(bench)
    assert len(ours) == 2
    assert all(NAME.fullmatch(name) for name in ours)
    client = bench.open_client()
    found = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    (run,) = [run for run in found if "vb.kind" not in run.data.tags]
    picture = bench.folder(bench.entries[0]).pictures / "samples.png"
    client.log_image(run.info.run_id, Shown(str(picture)), key="samples", step=0, timestamp=1)
    theirs = set(images(bench)) - {*ours}
    assert all(NAME.fullmatch(name) for name in theirs)
    assert run.data.tags["mlflow.loggedImages"] == "True"


def test_a_picture_that_is_sent_again_is_there_once(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    before, folder = images(bench), bench.folder(bench.entries[0])
    folder.append_event("measuring", metric="svm", time=1_700_000_100.0)  # the run goes on before it is sent again
    (folder.path / ".mlflow.json").unlink()
    sync_benchmark(bench.path)
    assert images(bench) == before


def test_a_damaged_picture_hinders_nothing(bench):
    bench.add_finished_run(bench.entries[0])
    (bench.folder(bench.entries[0]).pictures / "samples.png").write_bytes(b"no picture")
    assert sync_benchmark(bench.path).behind == 0
    (run,) = bench.read_mlflow_runs()
    assert run["status"] == "FINISHED"
    assert images(bench) == []


def test_a_small_picture_is_small(tmp_path):
    picture = Image.new("RGB", (1000, 500), "#808080")
    picture.paste("#ff0000", (0, 0, 500, 500))
    picture.quantize(2).save(tmp_path / "samples.png")
    with make_grid_images([tmp_path / "samples.png"]) as folder:
        small, complete = sorted(folder.iterdir(), key=lambda path: path.suffix, reverse=True)
        with Image.open(small) as image:
            assert image.size == (256, 128)
            assert image.convert("RGB").getpixel((64, 64)) == pytest.approx((255, 0, 0), abs=6)
        assert complete.read_bytes() == (tmp_path / "samples.png").read_bytes()
