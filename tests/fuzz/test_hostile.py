"""Malicious or broken input gives a message within seconds, and nothing else."""

import time

import pytest
from click.testing import CliRunner

from helpers.benchmarks import make_benchmark
from helpers.fuzz_strategies import ESCAPE, assert_readable
from vimae_bench.cli import main

SMALL = make_benchmark(metrics=None, training=None)
DEEP = 1000
METHODS = "".join(f'{{ label = "{i}", objective = "ae", prior = "normal" }},' for i in range(999))
FILES = {
    "one huge text": SMALL + 'metrics = "' + "x" * 10**7 + '"',
    "a million keys": SMALL + "".join(f"k{i} = 0\n" for i in range(10**6)),
    "as many keys as fit": SMALL + "".join(f"k{i} = 0\n" for i in range(20_000)),
    "as many wrong labels as fit": SMALL.replace("[0]", "[0]\nleave_out = [" + '{method="B"},' * 12_000 + "]"),
    "as many lines as fit": SMALL + 'metrics = """' + "\n" * 250_000 + '"""',
    "as many tables as fit": SMALL + "[[group]]\n" * 20_000,
    "one key of many parts": SMALL + "x" + ".x" * 100_000 + " = 1",
    "nested lists": SMALL + "metrics = " + "[" * DEEP + "]" * DEEP,
    "nested tables": SMALL + "metrics = " + "{x=" * DEEP + "1" + "}" * DEEP,
    "nested dots": SMALL + "x" + ".x" * DEEP + " = 1",
    "one quoted key of many parts": SMALL + "'x'" + " . 'x'" * 40_000 + " = 1",
    "nested headers": SMALL + "[x" + ".x" * DEEP + "]",
    "many runs": SMALL.replace("[0]", str([*range(1000)])).replace("method = [", "method = [" + METHODS),
    "a number of many digits": SMALL.replace("latent = 2", "latent = " + "9" * 5000),
    "a hexadecimal number of many digits": SMALL.replace("latent = 2", "latent = 0x" + "f" * 5000),
}


def call(*words):
    """The output and exit code of a command that raises no exception."""
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.output, done.exit_code


@pytest.mark.parametrize("kind", FILES)
def test_oversized_file_is_refused_within_seconds(tmp_path, kind):
    file, began = tmp_path / "b.toml", time.monotonic()
    file.write_text(FILES[kind])
    said, code = call("plan", file, "--results", tmp_path)
    assert code == 2
    assert_readable(said.strip(), str(file))
    assert time.monotonic() - began < 30


def test_folder_or_endless_file_instead_of_a_benchmark_is_refused(tmp_path):
    for file in (tmp_path, "/dev/zero", "x" * 300, "\udcff"):
        said, code = call("plan", file)
        assert code == 2
        assert "Traceback" not in said


NAMES = ["../../x", "/abs", "..", "\0", "x" * 300, "CON", ESCAPE, "[red]", "[/oops]", "<script>", "=1+1", "a\nb", ""]


@pytest.mark.parametrize("name", NAMES)
def test_path_or_command_is_no_benchmark_name(tmp_path, name):
    said, code = call("plan", write(tmp_path, name=name), "--results", tmp_path / "results")
    assert (code, "name: must consist of lower-case letters" in said) == (2, True)
    assert_readable(said.strip(), str(tmp_path))
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("key", ["dataset", "architecture", "metrics", "executor", "reporters"])
@pytest.mark.parametrize("name", NAMES)
def test_path_or_command_is_no_plugin_name(tmp_path, key, name):
    said, code = call("plan", write(tmp_path, **{key: name}), "--results", tmp_path / "results")
    assert (code, f"is called {name[:70]!r}" in said or "is called '" in said) == (2, True), said
    assert_readable(said.strip(), str(tmp_path))


@pytest.mark.parametrize("label", NAMES[:-1])
def test_control_characters_in_labels_are_escaped(tmp_path, label):
    method = {"label": label[:64], "objective": "ae", "prior": "normal"}
    said, code = call("plan", write(tmp_path, method=method), "--results", tmp_path / "results")
    assert code == 0
    assert_readable(said.strip(), "new")


def write(folder, **changes):
    """A benchmark file with some keys changed."""
    file = folder / "b.toml"
    file.write_text(make_benchmark(**changes))
    return file
