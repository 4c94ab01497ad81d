"""The documentation is right: examples run and pass their checks, and everything it mentions exists."""

import importlib
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft7Validator

from docs.pages.generate import PAGES as MADE
from vimae_bench import testing
from vimae_bench.cli import COMMANDS, main
from vimae_bench.config import file_schema as forms
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.json_schema import make_json_schema
from vimae_bench.core.spec import PluginSpec, Training
from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.plugin import catalog, registry
from vimae_bench.plugin import hookspecs as hooks
from vimae_bench.plugin.catalog import Catalog
from vimae_bench.plugin.manager import PluginOrigin, find_plugins, get_factories
from vimae_bench.storage.atomic import write_json

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
REFERENCE = [ROOT / "docs" / "reference" / name for name in MADE]
"""Generated pages."""
WRITTEN = sorted({*(ROOT / "docs").glob("**/*.md")} - {*REFERENCE})
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *WRITTEN]
PACKAGE_PAGES = sorted((ROOT / "plugins").glob("*/README.md"))
TEXT = "\n".join(page.read_text() for page in PAGES)
NAMED = re.compile(r'(?:# |""")(\w+)\.py\b')
"""The name under which an example is to be saved."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and its index among those of its language."""

    page: Path
    place: int
    text: str

    @property
    def name(self) -> str:
        """The name of the module."""
        named = NAMED.match(self.text)
        return named[1] if named else f"{self.page.stem.replace('-', '_').lower()}_{self.place}"


def blocks(language: str, pages: list[Path]) -> list[Block]:
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [Block(page, i, text) for page in pages for i, text in enumerate(fence.findall(page.read_text()))]


PYTHON = [block for block in blocks("python", PAGES) if "import mlflow" not in block.text]
"""Those that read MLflow's store are run where there is one, in `tests/tracking/test_model.py`."""
PLUGINS = [block for block in PYTHON if "@hookimpl" in block.text]
TOML = blocks("toml", [*PAGES, *PACKAGE_PAGES])
PACKAGES = [block for block in TOML if "[project]" in block.text]
BENCHMARKS = [block for block in TOML if not re.search(r"^\[(project|source)\]", block.text, re.MULTILINE)]
WHOLE = next(block for block in BENCHMARKS if block.page.stem == "benchmark-file" and "seeds =" in block.text)
INLINE, INDENTED = r"`vimae-bench (\w+ [^`]+)`", r"^    (?:.*&& )?vimae-bench (\w+ .*)$"
LINES = sorted({" ".join(line.split()) for form in (INLINE, INDENTED) for line in re.findall(form, TEXT, re.MULTILINE)})
"""Every command line with arguments in the pages."""


def name_of(block: Block) -> str:
    return f"{block.page.stem}-{block.name}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with every example saved, and with results."""
    here = tmp_path_factory.mktemp("reader")
    for block in PYTHON:
        (here / f"{block.name}.py").write_text(block.text)
    run = here / "results" / "quickstart" / "runs" / "elbo-digits-mlp-s0-0123456789ab"
    write_json(run / "metrics" / "reconstruction-01234567.json", {"estimates": {"sse": {"value": 5.0, "n": 360}}})
    (here / "results" / "fig1.zip").symlink_to(ROOT / "results" / "fig1.zip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIMAE_BENCH_DATA", str(here / "data"))
        patch.syspath_prepend(here)
        for package in PACKAGE_PAGES:
            patch.syspath_prepend(package.parent)
        patch.chdir(here)
        yield here


@pytest.fixture(scope="module")
def known(folder: Path) -> Catalog:
    """The catalog of that folder's plugins and the packages of the repository."""
    packages = [name for page in PACKAGE_PAGES if has_pythae(name := page.parent.name.replace("-", "_"))]
    modules = [*(block.name for block in PLUGINS), *packages]
    there = find_plugins()
    missing = sorted({*modules} - {source.module for source in there})  # a reader may have installed some
    return catalog.build_catalog([*there, *(PluginOrigin(name, name, "examples", "0") for name in missing)])


def has_pythae(text: str) -> bool:
    """Whether pythae is installed, if a text needs it; it comes with the extra `dev`."""
    return "pythae" not in text or find_spec("pythae") is not None


@pytest.mark.parametrize("block", PYTHON, ids=name_of)
def test_python_example_runs_and_prints_what_its_comments_say(block: Block, folder: Path) -> None:
    with redirect_stdout(StringIO()) as printed:
        module = importlib.import_module(block.name)
    assert set(re.findall(r"print\(.*\)  # (.*)", block.text)) <= set(printed.getvalue().splitlines())
    for name, value in vars(module).items():
        if name.startswith("test_"):
            run_test(value)


def run_test(test: Any) -> None:
    """Run a test as pytest would, with all its parameters."""
    for given in [(value,) for mark in getattr(test, "pytestmark", ()) for value in mark.args[1]] or [()]:
        with suppress(pytest.skip.Exception):
            test(*given)


@pytest.mark.parametrize("block", PLUGINS, ids=name_of)
def test_example_passes_the_checks_of_its_kind(block: Block, known: Catalog) -> None:
    mine = [entry for entry in known.entries if entry.origin.module == block.name]
    assert len(mine) == sum(f"def {hook}(" in block.text for hook in hooks.HOOKS.values())
    for entry in mine:
        make = registry.make_prior_factory if entry.kind == "prior" else partial(registry.make_plugin, entry.kind)
        plugin = make(PluginSpec(entry.name), catalog=known)
        getattr(testing, f"check_{entry.kind}")(plugin)


def test_no_example_is_broken(known: Catalog) -> None:
    assert not [str(broken) for broken in known.broken]


def test_example_data_set_can_be_prepared(known: Catalog, tmp_path: Path) -> None:
    spots = registry.make_plugin("dataset", PluginSpec("spots", {"count": 100}), catalog=known)
    assert (ensure_prepared(spots, tmp_path) / "train_x.npy").exists()


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.name)
def test_generated_page_is_up_to_date(page: Path) -> None:
    assert page.read_text() == MADE[page.name](), "generate it with: python docs/pages"


@pytest.mark.parametrize("kind", ["objective", "metric"])
def test_every_objective_and_metric_has_a_formula_or_estimator(kind: str) -> None:
    """Objectives have a formula and a source, metrics an estimator, its bias and a use."""
    wanted = {"objective": ("formula", "source"), "metric": ("estimator", "bias", "use_for")}[kind]
    ours = [source for source in find_plugins() if source.distribution == "vimae-bench"]
    classes = [made for source in ours for made in get_factories(kind, source).items()]
    silent = [f"{name}.{fact}" for name, plugin in classes for fact in wanted if not getattr(plugin, fact, "")]
    assert classes
    assert not silent


@pytest.mark.parametrize("block", BENCHMARKS, ids=name_of)
def test_benchmark_file_is_valid(block: Block, known: Catalog, tmp_path: Path) -> None:
    """A part of a file replaces the same part of the complete one in `benchmark-file.md`."""
    if not has_pythae(block.text):
        pytest.skip("pythae is not installed")
    raw, file = tomllib.loads(block.text), tmp_path / "benchmark.toml"
    parts = raw if "seeds" not in raw else {}
    file.write_text(WHOLE.text if parts else block.text)
    read_benchmark(file, [f"{key}={as_toml(value)}" for key, value in parts.items()], known)
    whole = tomllib.loads(WHOLE.text) | parts if parts else raw
    Draft7Validator(make_json_schema(known)).validate(whole)


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


@pytest.mark.parametrize("block", PACKAGES, ids=name_of)
def test_package_names_the_module_of_its_page(block: Block) -> None:
    (entry,) = tomllib.loads(block.text)["project"]["entry-points"][hooks.ENTRY_POINT_GROUP].values()
    assert entry in [other.name for other in PLUGINS if other.page == block.page]


@pytest.mark.parametrize("hook", hooks.HOOKS.values())
def test_every_hook_is_documented_with_its_signature(hook: str) -> None:
    gives = getattr(hooks, hook).__annotations__["return"]
    assert f"def {hook}() -> {gives}:" in TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert f"vimae-bench {command}" in TEXT


@pytest.mark.parametrize("line", LINES)
def test_command_line_is_accepted(line: str) -> None:
    command, words = main, shlex.split(line)
    while words and isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None
    if not isinstance(command, click.Group):
        command.make_context(line, words)  # raises for an option there is none of


@pytest.mark.parametrize(
    "form",
    [forms.BenchmarkFile, forms.MethodTable, forms.LeaveOutTable, forms.LeaderboardTable, forms.TuningTable, Training],
    ids=lambda f: f.__name__,
)
def test_every_key_of_a_benchmark_file_is_explained(form: Any) -> None:
    page = (ROOT / "docs" / "reference" / "benchmark-file.md").read_text()
    assert [key.name for key in fields(form) if f"`{key.name}`" not in page] == []


def test_documented_training_defaults_are_right() -> None:
    page = (ROOT / "docs" / "reference" / "benchmark-file.md").read_text()
    for key in fields(Training):
        default = re.escape(json.dumps(key.default))
        assert re.search(rf"^\| `{key.name}` \| .* \| `?{default}`? \|$", page, re.MULTILINE), key.name


@pytest.mark.parametrize("page", [*PAGES, *PACKAGE_PAGES, *REFERENCE], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    inside = [target for target in targets if not target.startswith("http")]
    assert [target for target in inside if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    goal = page.parent / path if path else page
    return goal.exists() and (not anchor or anchor in anchors(goal))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings on GitHub."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-").lower() for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_mentioned_exists(page: Path) -> None:
    tops = "vimae_bench|plugins|docs|tests|benchmarks"
    named = re.findall(rf"(?<![\w/.\-])((?:{tops})/[\w./\-]*[\w/])(?![\w./\-]*<)", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_mentioned_exists(page: Path) -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", page.read_text())
    assert [f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text()] == []
