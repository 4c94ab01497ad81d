"""`vimae-bench new`: what it makes works as it is, and what it may not make it does not touch."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from helpers.command_line import call
from vimae_bench.cli import main
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.core.errors import BenchError
from vimae_bench.plugin import catalog
from vimae_bench.plugin.hookspecs import ENTRY_POINT_GROUP
from vimae_bench.plugin.manager import PluginOrigin, find_plugins
from vimae_bench.testing.scaffold.names import derive_names
from vimae_bench.testing.scaffold.package import KINDS, new_benchmark, new_package

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A new package of each kind."""
    into = tmp_path_factory.mktemp("new")
    return {kind: new_package(kind, f"novel-{kind}", into, catalog.get_catalog()) for kind in KINDS}


def test_every_new_package_passes_its_own_tests_as_it_is(packages: dict[str, Path]) -> None:
    """All in one process, since most of the time goes into importing torch."""
    tests = [str(folder / "tests") for folder in packages.values()]
    paths = os.pathsep.join(map(str, packages.values()))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *tests]
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=packages["prior"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_entry_point_of_a_new_package_is_a_plugin_of_its_kind_that_its_benchmark_uses(
    kind: str, packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = packages[kind]
    monkeypatch.syspath_prepend(folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"][ENTRY_POINT_GROUP].items()
    known = catalog.build_catalog([*find_plugins(), PluginOrigin(name, module, project["name"], project["version"])])
    assert not known.broken
    entry = known.get_entry(kind, f"novel_{kind}")
    assert entry.origin.distribution == f"vimae-bench-novel-{kind}"
    assert entry.form["fields"] or kind == "prior"
    benchmark = read_benchmark(folder / f"novel_{kind}.toml", (), known)
    assert f"novel_{kind}" in (folder / f"novel_{kind}.toml").read_text()
    assert benchmark.name == f"novel_{kind}"


def test_new_package_is_formatted_and_has_no_unused_imports(packages: dict[str, Path]) -> None:
    ruff, folders = str(Path(sys.executable).with_name("ruff")), [str(folder) for folder in packages.values()]
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    for command in (["format", "--check", *config], ["check", "--select=E,F,I,UP,B,N,RUF", *config]):
        done = subprocess.run([ruff, *command, *folders], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_benchmark_alone_is_a_right_file(tmp_path: Path) -> None:
    path = new_benchmark("mine", tmp_path)
    assert path == tmp_path / "mine.toml"
    assert len(read_benchmark(path).groups[0].methods) == 3


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("../escape", "'escape'"),
        ("/etc/passwd", "'etc_passwd'"),
        ("SoftCapacity", "'soft_capacity'"),
        ("β vae", "'vae'"),
        ("2d", "'d'"),
        ("a__b", "'a_b'"),
        ("x" * 41, f"'{'x' * 40}'"),
        ("", "at most 40 characters"),
        ("..", "at most 40 characters"),
        ("a\x1b[31m", "'a_31m'"),
    ],
)
def test_invalid_name_raises_an_error_with_a_valid_one(given: str, hint: str) -> None:
    with pytest.raises(BenchError, match="is not a valid plugin name") as refused:
        derive_names(given)
    assert str(refused.value).endswith(hint)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("objective", "elbo", "objective 'elbo' exists already, in vimae-bench"),
        ("objective", "loss", "its class would be Loss"),
        ("dataset", "path", "its class would be Path"),
        ("metric", "none", "its class would be None"),
    ],
)
def test_existing_name_is_refused_and_nothing_is_created(kind: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=message):
        new_package(kind, name, tmp_path, catalog.get_catalog())
    assert not [*tmp_path.iterdir()]


def test_the_module_of_an_installed_package_is_not_shadowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vimae_bench_elsewhere.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BenchError, match="a module vimae_bench_elsewhere is installed already"):
        new_package("prior", "elsewhere", tmp_path / "into", catalog.get_catalog())


def test_a_folder_or_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "vimae-bench-mine"
    mine.mkdir()
    (tmp_path / "mine.toml").write_text("name = 'mine'")
    with pytest.raises(BenchError, match="exists already and is not changed"):
        new_package("objective", "mine", tmp_path, catalog.get_catalog())
    with pytest.raises(BenchError, match="exists already and is not changed"):
        new_benchmark("mine", tmp_path)
    assert not [*mine.iterdir()]
    assert (tmp_path / "mine.toml").read_text() == "name = 'mine'"


def test_command_prints_what_it_created_and_the_next_steps(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["new", "objective", "quick", "--into", str(tmp_path)])
    assert done.exit_code == 0, done.output
    made, _, after = done.output.partition("\nnext:\n")
    assert [line.strip() for line in made.splitlines()[1:] if line] == [
        "README.md",
        "pyproject.toml",
        "quick.toml",
        "tests/test_quick.py",
        "vimae_bench_quick.py",
    ]
    assert [line.strip() for line in after.splitlines()][1:] == [
        'python -m pip install -e ".[dev]"',
        "pytest",
        "vimae-bench run quick.toml",
    ]


def test_unwritable_folder_is_reported_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["new", "prior", "quick", "--into", str(tmp_path / "file" / "below")])
    assert done.exit_code == 2
    assert "choose another --into" in done.output


def test_the_templates_are_in_the_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in ZipFile(wheel).namelist() if name.endswith(".template")}
    templates = (ROOT / "vimae_bench" / "testing" / "scaffold" / "templates").rglob("*.template")
    assert inside == {path.relative_to(ROOT).as_posix() for path in templates}


def test_the_commands_for_a_new_benchmark_are_quoted_for_a_shell(tmp_path):
    folder = tmp_path / "my files"
    folder.mkdir()
    said = call("new", "benchmark", "mine", "--into", folder)
    assert f"  vimae-bench plan '{folder / 'mine.toml'}'\n" in said
    assert f"  vimae-bench run '{folder / 'mine.toml'}'\n" in said
