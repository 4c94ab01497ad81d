"""A results folder as git keeps it at a revision, spelt `PATH@REVISION`. The working tree is not touched.

Both halves may hold an `@` themselves (`a@b`, `HEAD@{1}`), so that every place to part them is tried.
"""

import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from ..core.errors import BenchError, did_you_mean

NEAR = 3
"""How many revisions that have a path are named."""


@dataclass(frozen=True)
class Revision:
    """A folder at a revision: the repository's top, the commit, and the folder's path from that top.

    `path` and `name` are as the user spelt them.
    """

    path: str
    name: str
    top: Path
    commit: str
    inside: str

    @property
    def tree(self) -> str:
        """The folder as git names it."""
        return f"{self.commit}:{self.inside}"


def find(spelt: str) -> Revision:
    """The folder and revision that `PATH@REVISION` stands for.

    Raises BenchError where git is missing, the path is in no repository, there is no such revision, or no such folder
    in it.
    """
    halves = list(_halves(spelt))
    if not halves:
        raise BenchError(f"{spelt}: has to be of the form PATH@REVISION, such as results/fig1@HEAD~1")
    errors = list[BenchError]()
    for path, name in halves:
        try:
            return _found(path, name)
        except BenchError as error:
            errors.append(error)
    # Of several places to part it, that of a path which is there is the likeliest to be meant.
    there = [error for (path, _), error in zip(halves, errors, strict=True) if Path(path).exists()]
    raise [*there, *errors][0]


def unpack(revision: Revision, folder: Path) -> None:
    """Write the JSON files of a revision's folder to `folder`: results are read from nothing else.

    Raises BenchError where git cannot give them.
    """
    packed = folder / "revision.tar"
    made = _git(revision.top, "archive", "--format=tar", f"--output={packed}", revision.tree)
    if made.returncode:
        raise BenchError(f"{revision.path}@{revision.name}: git cannot give it ({_last(made.stderr)})")
    with tarfile.open(packed) as archive:
        wanted = [member for member in archive if member.isfile() and member.name.endswith(".json")]
        archive.extractall(folder, wanted, filter="data")
    packed.unlink()


def _halves(spelt: str) -> Iterator[tuple[str, str]]:
    for place in (match.start() for match in re.finditer("@", spelt)):
        if spelt[:place] and spelt[place + 1 :]:
            yield spelt[:place], spelt[place + 1 :]


def _found(path: str, name: str) -> Revision:
    top, inside = _inside(path)
    revision = Revision(path, name, top, _commit(path, name, top), inside)
    kind = _git(top, "cat-file", "-t", revision.tree)
    if kind.stdout.strip() == "blob":
        raise BenchError(f"{path}@{name}: {path} is a file in {name}; name a results folder")
    if kind.returncode:
        raise BenchError(f"{path}@{name}: {name} ({revision.commit[:10]}) has no {path}{_elsewhere(revision)}")
    return revision


def _inside(path: str) -> tuple[Path, str]:
    """The top of the repository that a path is in, and its place below that; the path itself may be gone."""
    whole = Path(path).resolve()
    at = next(parent for parent in (whole, *whole.parents) if parent.is_dir())
    told = _git(at, "rev-parse", "--show-toplevel")
    if told.returncode:
        raise BenchError(f"{path}: is in no repository of git ({_last(told.stderr)})")
    top = Path(told.stdout.removesuffix("\n"))
    return top, whole.relative_to(top.resolve()).as_posix().removeprefix(".")


def _commit(path: str, name: str, top: Path) -> str:
    """The commit that a revision's name stands for."""
    if commit := _resolved(top, name):
        return commit
    stem = re.split(r"[~^@:]", name)[0] or "HEAD"
    if stem == name or not _resolved(top, stem):
        known = _git(top, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        raise BenchError(f"{path}@{name}: git knows no revision '{name}'{did_you_mean(stem, known.stdout.split())}")
    shallow = _git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    remedy = "; this clone is shallow, and `git fetch --unshallow` brings the rest" if shallow else ""
    raise BenchError(f"{path}@{name}: '{stem}' has no '{name[len(stem) :]}'{remedy}")


def _resolved(top: Path, name: str) -> str:
    """The commit's full name; empty if there is none."""
    if name.startswith("-"):  # git would take it for an option
        return ""
    return _git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout.strip()


def _elsewhere(revision: Revision) -> str:
    """Where a path that is not in a revision is to be found, or what is there in its place."""
    top, inside = revision.top, Path(revision.inside)
    told = _git(top, "log", "--all", f"--max-count={NEAR}", "--format=%h", "--diff-filter=AM", "--", str(inside))
    if commits := told.stdout.split():
        return f"; it is in {', '.join(commits)}"
    tree = _git(top, "ls-tree", "-d", "--name-only", f"{revision.commit}:{inside.parent.as_posix().removeprefix('.')}")
    return did_you_mean(inside.name, tree.stdout.splitlines()) or ", nor has any other revision"


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    if not which("git"):
        raise BenchError("a revision can only be read with git, which is not installed; compare folders instead")
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)


def _last(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")
