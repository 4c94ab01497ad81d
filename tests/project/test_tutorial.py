"""The commands and edits of the tutorial work as written, in their order."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vimae_bench.plugin import catalog
from vimae_bench.testing.scaffold.package import new_package

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "your-objective.md").read_text()
STEP = re.compile(
    r"(?P<commands>(?:^    (?:python|vimae-bench|cd|pytest)\b[^\n]*\n)+)|^```diff\n(?P<edit>.*?)^```", re.M | re.S
)


@dataclass(frozen=True)
class Edit:
    """A replacement of some lines of a file."""

    file: str
    old: str
    new: str

    @classmethod
    def of(cls, block: str) -> "Edit":
        head, *lines = block.splitlines()
        old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] == sign) for sign in "-+")
        return cls(head.removeprefix("+++ b/"), old, new)

    def make(self, folder: Path) -> None:
        path = folder / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.file} does not have once what the page shows:\n{self.old}"
        path.write_text(text.replace(self.old, self.new))


def steps() -> Iterator[list[str] | Edit]:
    for step in STEP.finditer(PAGE):
        yield Edit.of(step["edit"]) if step["edit"] else [line.strip() for line in step["commands"].splitlines()]


def test_tutorial_edits_apply_to_the_created_package_and_pass_its_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vimae_bench.testing import check_objective

    folder = new_package("objective", "soft_capacity", tmp_path, catalog.get_catalog())
    edits = [step for step in steps() if isinstance(step, Edit)]
    assert len(edits) == PAGE.count("```diff")
    for edit in edits:
        edit.make(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.syspath_prepend(folder / "tests")
    import test_soft_capacity  # pyright: ignore[reportMissingImports]

    test_soft_capacity.test_what_is_missing_is_paid_for_by_its_square()
    check_objective(test_soft_capacity.SoftCapacity())


@dataclass
class Reader:
    """Follows the page in an environment with everything but the two packages."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str) -> str:
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return ""
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Next to a copy of the repository, with pip offline."""
    (tmp_path / "vimae-bench").symlink_to(ROOT)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (venv / "bin" / "pytest").write_text('#!/bin/sh\nexec python -m pytest "$@"\n')
    (venv / "bin" / "pytest").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }
    return Reader(tmp_path, environment)


@pytest.mark.slow
def test_following_the_tutorial_ranks_the_objective(reader: Reader) -> None:
    printed: dict[str, str] = {}
    for step in steps():
        if isinstance(step, Edit):
            step.make(reader.folder)
        else:
            printed |= {command: reader.run(command) for command in step}
    assert rows(printed["vimae-bench run soft_capacity.toml"]) == rows(PAGE) > {"soft capacity"}
    assert laws(printed["vimae-bench check soft_capacity -s nats=5.0"]) == laws(PAGE)
    assert "| soft capacity |" in printed["vimae-bench leaderboard soft_capacity.toml --format markdown"]


def rows(text: str) -> set[str]:
    """The methods in a printed leaderboard."""
    return set(re.findall(r"^(\S+(?: \S+)*?)(?: †)?  +(?:\d+  +)?\d[\d.]* ± \d", text, re.MULTILINE))


def laws(text: str) -> list[str]:
    """The passed checks in the output of `vimae-bench check`."""
    return re.findall(r"^  ok .* s  (.*)$", text, re.MULTILINE)
