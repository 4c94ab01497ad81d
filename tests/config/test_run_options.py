"""Options that plugins add to the command line."""

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.config.run_options import apply_run_options, list_plugin_options
from vimae_bench.core.errors import BenchError
from vimae_bench.plugin.catalog import get_catalog


@pytest.fixture
def apply(benchmark_file):
    """Applies options to a benchmark with some of its text changed."""

    def apply(executor=None, text=None, **given):
        benchmark = read_benchmark(benchmark_file(**(text or {})))
        return apply_run_options(benchmark, given, get_catalog(), executor)

    return apply


def test_each_option_is_listed_once_with_the_plugins_that_declare_it():
    owners = {o.option.flag: [entry.name for entry in o.entries] for o in list_plugin_options(get_catalog())}
    assert owners["--jobs"] == ["local", "ray"]
    assert owners["--mlflow-uri"] == ["mlflow"]
    assert owners["--inception-weights"] == ["fid", "fid768", "kid"]


def test_options_set_the_settings_of_the_executor(apply):
    assert apply("local", jobs="3", device="cuda:1", timeout="2.5").executor.settings == {
        "jobs": 3,
        "device": "cuda:1",
        "timeout": 2.5,
    }
    assert apply("local", jobs="auto").executor.settings["jobs"] == 0


def test_options_of_reporters_set_their_settings_or_leave_them_out(apply):
    text = {"reporters": ["console", "mlflow"]}
    benchmark = apply(text=text, mlflow_uri="http://localhost:5000")
    assert [spec.name for spec in benchmark.reporters] == ["console", "mlflow"]
    assert benchmark.reporters[1].settings["uri"] == "http://localhost:5000"
    assert [spec.name for spec in apply(text=text, no_mlflow=True).reporters] == ["console"]


def test_an_option_of_a_metric_changes_no_identity(apply, tmp_path):
    text = {"metrics": ["fid", "reconstruction"]}
    before, after = apply(text=text), apply(text=text, inception_weights=str(tmp_path / "weights.pth"))
    fid, reconstruction = after.groups[0].metrics
    assert fid.options == {"weights_file": str(tmp_path / "weights.pth")}
    assert not reconstruction.options
    assert fid.key == before.groups[0].metrics[0].key
    assert [e.as_json() for e in list_entries(after)] == [e.as_json() for e in list_entries(before)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"jobs": "many"}, r"--jobs: must be an integer, not 'many' \(or auto\)"),
        ({"jobs": "-1"}, r"--jobs: must be at least 0, not -1"),
        ({"jobs": "0"}, r"--jobs: 0 is written auto"),
        ({"timeout": "soon"}, r"--timeout: must be a number, not 'soon'"),
        ({"executor": "inline", "jobs": "2"}, r"--jobs: the executor 'inline' has no such option \(it is one of local"),
        ({"executor": "locl"}, r"--executor: no executor is called 'locl'; did you mean 'local'\?"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(apply, given, message):
    with pytest.raises(BenchError, match=message):
        apply(**{"executor": "local", **given})
