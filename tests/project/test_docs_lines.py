"""Commands in the pages are accepted, output shown is the real output, and what they mention exists."""

import configparser
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs.pages.generate import PAGES as MADE
from helpers.tools import require_program
from vimae_bench import cli, testing
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.core.errors import InvalidFileError
from vimae_bench.engine.step.trial import EAGER_COST
from vimae_bench.execution import ExitCode, signals
from vimae_bench.plugin import BenchError
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.hookspecs import HOOKS
from vimae_builtin.executors.local import concurrency

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted({*DOCS.glob("*/*.md"), DOCS / "index.md"} - {DOCS / "reference" / name for name in MADE})
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *WRITTEN]
TEXT = "\n".join(page.read_text() for page in PAGES)
MARKDOWN = MarkdownIt("commonmark").enable("table")
SLURM = {"array=$(sbatch", "sbatch", "srun"}
PROGRAMS = {*SLURM, "cd", "git", "mlflow", "pip", "pytest", "python", "ray", "source", "taplo", "tox", "vimae-bench"}
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def blocks(*languages: str) -> Iterator[tuple[Path, str]]:
    """The code blocks of all pages in these languages; indented blocks have none."""
    for page in PAGES:
        for token in parse_page(page):
            if token.type in ("fence", "code_block") and token.info in languages:
                yield page, token.content


@cache
def parse_page(page: Path) -> list[Token]:
    return MARKDOWN.parse(page.read_text())


def commands() -> list[str]:
    """Every command line in a block or in backticks."""
    shell = [text for _, text in blocks("bash", "sh")] + [text for _, text in blocks("") if is_typed(text)]
    lines = [line for text in shell for line in text.replace("\\\n", " ").splitlines() if line[:1] not in ("", "#")]
    inline = re.findall(r"`([^`\n]+)`", TEXT)
    return sorted({*lines, *(code for code in inline if code.split()[0] in PROGRAMS)} - {*PROGRAMS})


def is_typed(block: str) -> bool:
    return block.split()[0] in PROGRAMS


def parts(line: str) -> list[list[str]]:
    """The words of each command of a line."""
    return [shlex.split(part) for part in line.split("&&")]


def is_accepted(program: click.Command, words: list[str]) -> None:
    """Raise for an unknown option or command."""
    context = click.Context(program)
    while words and isinstance(program, click.Group):
        inner = program.get_command(context, words[0])
        assert inner is not None, words
        program, words = inner, words[1:]
    if not isinstance(program, click.Group):
        program.make_context(program.name, [*words])


def helped() -> list[str]:
    """The examples in the help of commands."""
    lines = re.findall(r"^ {4}(vimae-bench .+)$", (DOCS / "reference" / "commands.md").read_text(), re.MULTILINE)
    return [line for line in lines if "[OPTIONS]" not in line]


@pytest.mark.parametrize("line", commands())
def test_shell_line_is_accepted(line: str) -> None:
    for words in parts(line):
        match words:
            case ["python", "-m", "pip", *rest] | ["pip", *rest]:
                assert all(extra in SETUP["optional-dependencies"] for extra in extras(rest))
            case ["python", path, *rest] if (ROOT / path).is_dir():
                assert (ROOT / path / "__main__.py").exists()
                if path.startswith("benchmarks"):
                    is_accepted(importlib.import_module(f"{path.replace('/', '.')}.command").main, rest)
            case ["python", path, *_] if path[0] != "-":
                assert (ROOT / path).exists()
            case ["tox", *rest]:
                assert {name for given in after("-e", rest) for name in given.split(",")} <= environments()
            case ["taplo", command, *_]:
                known = subprocess.run([require_program("taplo"), "help"], capture_output=True)
                assert f"    {command} " in known.stdout.decode()
            case ["mlflow", *rest]:
                is_accepted(importlib.import_module("mlflow.cli").cli, rest)
            case _:
                assert words[0] in {*PROGRAMS, "eval"}, "a program that no test knows"


@pytest.mark.parametrize("line", commands() + helped())
def test_shell_line_means_the_same_to_every_shell(line: str) -> None:
    """In zsh a word with an unquoted bracket, star or question mark is a pattern, and one without a match an error."""
    words = shlex.split(re.sub(r"'[^']*'|\"[^\"]*\"", "quoted", line), comments=True)
    assert not [word for word in words if {*word} & {*"[]*?{}"}]


def extras(words: list[str]) -> list[str]:
    """The extras that are installed from this folder."""
    return [extra for word in words if word.startswith(".[") for extra in word[2:-1].split(",")]


def after(option: str, words: list[str]) -> list[str]:
    return [second for first, second in pairwise(words) if first == option]


def environments() -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "tox.ini")
    return set(re.findall(r"^testenv:(\w+)$", "\n".join(config.sections()), re.MULTILINE))


def test_contributing_lists_every_tox_environment() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = {name for given in re.findall(r"`tox -e ([\w,]+)", text) for name in given.split(",")}
    assert named == environments()


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_text_examples_are_accepted(command: str) -> None:
    for path, made in all_commands(cli.main.get_command(click.Context(cli.main), command)):
        lines = re.findall(r"^ +vimae-bench (.*)", made.help or "", re.MULTILINE)
        assert lines, f"{path} has no example"
        for line in lines:
            is_accepted(cli.main, shlex.split(line))


def all_commands(command: click.Command | None) -> Iterator[tuple[str, click.Command]]:
    assert command is not None
    yield command.name or "", command
    for name in command.commands if isinstance(command, click.Group) else ():
        yield from all_commands(command.commands[name])


def test_every_option_mentioned_exists() -> None:
    programs = [cli.main.get_command(click.Context(cli.main), name) for name in cli.COMMANDS]
    programs += [importlib.import_module(f"benchmarks.{name}.command").main for name in ("scale", "speed")]
    commands = [command for program in programs for _, command in all_commands(program)]
    known = {flag for one in commands for option in one.get_params(click.Context(one)) for flag in option.opts}
    ours = re.findall(r"`(--[a-z-]+)", TEXT)
    assert ours
    assert {*ours} - known - {"--help", "--version"} == set()


def test_every_environment_variable_mentioned_is_read() -> None:
    code = "".join(path.read_text() for top in ("vimae_bench", "plugins") for path in (ROOT / top).rglob("*.py"))
    named = set(re.findall(r"(?<!_)VIMAE_\w+", TEXT))
    assert named
    assert [name for name in named if f'"{name}"' not in code] == []


def test_every_built_in_plugin_is_listed() -> None:
    text, ours = (DOCS / "reference" / "included.md").read_text(), get_catalog().entries
    kinds = {*HOOKS} - {"metric"}
    names = [e.name for e in ours if e.origin.distribution == "vimae-bench" and e.kind in kinds]
    assert len(names) > 40
    assert [name for name in names if f"`{name}`" not in text] == []


def codes(kind: type[BenchError] = BenchError) -> set[int]:
    return {kind.exit_code}.union(*map(codes, kind.__subclasses__()))


def test_every_exit_code_is_documented() -> None:
    for path in (ROOT / "vimae_bench").rglob("*.py"):
        if "exit_code = " in path.read_text():
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    commands, workers = (DOCS / "reference" / "exit-codes.md").read_text().split("A worker")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", commands, re.MULTILINE)}
    assert listed == {0, *(cli.SIGNAL_OFFSET + number for number in signals.STOP_SIGNALS), *codes()}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", workers, re.MULTILINE)} == set(ExitCode)


def readme(language: str, words: str) -> str:
    return next(text for page, text in blocks(language) if page.name == "README.md" and words in text)


def typing_error(folder: Path) -> str:
    """The error message for the README's comparison with a typo."""
    file = folder / "mine.toml"
    file.write_text(readme("toml", 'name = "mine"').replace('"mmd"', '"mdm"'))
    with pytest.raises(InvalidFileError) as caught:
        read_benchmark(file)
    return str(caught.value).replace(f"{folder}/", "")


def branching(folder: Path) -> str:
    """The message for the README's objective with a branch in its loss."""
    text = readme("python", "my_objective.py").replace("(kl - self.nats).abs()", "max(kl - self.nats, self.nats - kl)")
    (folder / "my_objective.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.delitem(sys.modules, "my_objective", raising=False)
        objective = importlib.import_module("my_objective").Capacity()
        del sys.modules["my_objective"]
        with pytest.raises(testing.ContractError) as caught:
            testing.check_objective(objective)
    (why,) = re.findall(r"one graph: (.*)$", str(caught.value))
    return f"Capacity: not compiled, since {why}; its {EAGER_COST}"


def concurrent_runs(_: Path) -> str:
    """How many runs on two cores; and on a GPU with 24 GiB of free memory."""
    gib = concurrency.GIB
    lines = {
        "": concurrency.choose_limit(2, 1, 1024 * gib, concurrency.CPU_MEMORY_PER_RUN, 18),
        " on cuda:0": concurrency.choose_limit(16, 1, 24 * gib, concurrency.GPU_MEMORY_PER_RUN, 18),
    }
    shown = (f"{concurrency.format_concurrency(count)}{where}: {why}" for where, (count, why) in lines.items())
    return "\n".join(shown)


PRINTED: dict[str, Callable[[Path], str]] = {
    "mine.toml:18:": typing_error,
    "Capacity:": branching,
    "2 runs at a time:": concurrent_runs,
}
"""Output shown in the pages, by its first words, and what prints it."""


def shown() -> list[str]:
    """Indented blocks that are neither commands nor parts of files."""
    return [text for _, text in blocks("") if not is_typed(text) and text[0] != "["]


@pytest.mark.parametrize("text", shown())
def test_output_shown_is_the_real_output(text: str, tmp_path: Path) -> None:
    (printed,) = (make for words, make in PRINTED.items() if text.startswith(words))
    assert text.split() == printed(tmp_path).split()


def test_entry_points_shown_name_examples() -> None:
    examples = {name for _, text in blocks("python") for name in re.findall(r'^(?:# |""")(\w+)\.py', text)}
    shown = [tomllib.loads(text)["project"]["entry-points"]["vimae_bench"] for _, text in blocks("") if text[0] == "["]
    assert shown
    assert {module for entries in shown for module in entries.values()} <= examples


def test_every_folder_in_the_picture_of_the_code_exists() -> None:
    text = next(text for page, text in blocks("text") if page.stem == "design")
    named = re.findall(r"^  (\S+)  ", text, re.MULTILINE)
    assert named
    assert [name for name in named if not (ROOT / "vimae_bench" / name).exists()] == []


def test_version_is_the_same_everywhere() -> None:
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    released = re.search(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert cited
    assert released
    assert cited[1] == released[1] == SETUP["version"]
