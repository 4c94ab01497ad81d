"""A results folder, or the archive of one, as git keeps it at a revision: `PATH@REVISION`. The working tree stays.

PATH and REVISION may both contain an `@` themselves (`a@b`, `HEAD@{1}`), so that every place to split is tried.
"""

import re
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from ..core.errors import BenchError, suggest_similar
from .archive import BENCHMARK, SUFFIX
from .plain_files import get_size_limit

MAX_COMMITS_NAMED = 3
"""How many revisions that have a path are named in a message."""


@dataclass(frozen=True)
class GitRevision:
    """Results at a revision: the repository's top, the commit, and the path from that top.

    `path` and `name` are as the user wrote them.
    """

    path: str
    name: str
    top: Path
    commit: str
    inside: str

    @property
    def object_name(self) -> str:
        """The folder or archive as git names it."""
        return f"{self.commit}:{self.inside}"

    @property
    def is_archive(self) -> bool:
        """Whether the results are in an archive."""
        return self.inside.endswith(SUFFIX) and self.type_of("") == "blob"

    def type_of(self, suffix: str) -> str:
        """What git has under the path with this suffix: `blob`, `tree` or nothing."""
        return _run_git(self.top, "cat-file", "-t", self.object_name + suffix).stdout.strip()


def find_revision(text: str) -> GitRevision:
    """The results and the revision that `PATH@REVISION` stands for.

    Raises BenchError where git is missing, the path is in no repository, there is no such revision, or no such folder
    and no archive of it in the revision.
    """
    splits = list(_split_text(text))
    if not splits:
        raise BenchError(f"{text}: has to be of the form PATH@REVISION, such as results/fig1@HEAD~1")
    errors = list[BenchError]()
    for path, name in splits:
        try:
            return _find_results(path, name)
        except BenchError as error:
            errors.append(error)
    # Of several places to split, that of a path which exists is the likeliest to be meant.
    likely = [error for (path, _), error in zip(splits, errors, strict=True) if Path(path).exists()]
    raise [*likely, *errors][0]


def export_revision(revision: GitRevision, folder: Path) -> Path:
    """Write what results are read from to `folder`, and give where to read them: there, or an archive in it.

    Of a folder these are its JSON files. Raises BenchError where git cannot give them.
    """
    archive = folder / f"revision{SUFFIX}"
    if revision.is_archive:
        with archive.open("wb") as file:
            command = ["git", "-C", str(revision.top), "cat-file", "blob", revision.object_name]
            subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)
        return archive
    done = _run_git(revision.top, "archive", "--format=zip", "-0", f"--output={archive}", revision.object_name)
    if done.returncode:
        raise BenchError(f"{revision.path}@{revision.name}: git cannot give it ({_last_line(done.stderr)})")
    with zipfile.ZipFile(archive) as members:
        files = [member for member in members.infolist() if not stat.S_ISLNK(member.external_attr >> 16)]
        files = [file for file in files if file.filename.endswith(".json")]
        members.extractall(folder, [file for file in files if file.file_size <= get_size_limit(file.filename)])
    archive.unlink()
    return folder


def _split_text(text: str) -> Iterator[tuple[str, str]]:
    for place in (match.start() for match in re.finditer("@", text)):
        if text[:place] and text[place + 1 :]:
            yield text[:place], text[place + 1 :]


def _find_results(path: str, name: str) -> GitRevision:
    top, inside = _locate_in_repository(path)
    commit = _find_commit(path, name, top)
    folder, archive = (GitRevision(path, name, top, commit, place) for place in (inside, f"{inside}{SUFFIX}"))
    kind = folder.type_of("")
    has_results = kind == "tree" and folder.type_of(f"{'/' if inside else ''}{BENCHMARK}") == "blob"
    if not has_results and inside and archive.is_archive:
        return archive
    if kind == "blob" and not folder.is_archive:
        raise BenchError(f"{path}@{name}: {path} is a file in {name}; name a results folder")
    if not kind:
        raise BenchError(f"{path}@{name}: {name} ({commit[:10]}) has no {path}{_suggest_place(folder)}")
    return folder


def _locate_in_repository(path: str) -> tuple[Path, str]:
    """The top of the repository that a path is in, and its place below that; the path itself may be gone."""
    absolute = Path(path).resolve()
    nearest = next(parent for parent in (absolute, *absolute.parents) if parent.is_dir())
    done = _run_git(nearest, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise BenchError(f"{path}: is not in a git repository ({_last_line(done.stderr)})")
    top = Path(done.stdout.removesuffix("\n"))
    return top, absolute.relative_to(top.resolve()).as_posix().removeprefix(".")


def _find_commit(path: str, name: str, top: Path) -> str:
    """The commit that a revision's name stands for."""
    if commit := _resolve_commit(top, name):
        return commit
    stem = re.split(r"[~^@:]", name)[0] or "HEAD"
    if stem == name or not _resolve_commit(top, stem):
        known = _run_git(top, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        raise BenchError(f"{path}@{name}: git knows no revision '{name}'{suggest_similar(stem, known.stdout.split())}")
    is_shallow = _run_git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    remedy = "; this clone is shallow, and `git fetch --unshallow` brings the rest" if is_shallow else ""
    raise BenchError(f"{path}@{name}: '{stem}' has no '{name[len(stem) :]}'{remedy}")


def _resolve_commit(top: Path, name: str) -> str:
    """The commit's full name; empty if there is none."""
    if name.startswith("-"):  # git would take it for an option
        return ""
    return _run_git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").stdout.strip()


def _suggest_place(revision: GitRevision) -> str:
    """Where a path that is not in a revision can be found, or what is there in its place."""
    top, inside = revision.top, Path(revision.inside)
    done = _run_git(
        top, "log", "--all", f"--max-count={MAX_COMMITS_NAMED}", "--format=%h", "--diff-filter=AM", "--", str(inside)
    )
    if commits := done.stdout.split():
        return f"; it is in {', '.join(commits)}"
    parent = inside.parent.as_posix().removeprefix(".")
    tree = _run_git(top, "ls-tree", "-d", "--name-only", f"{revision.commit}:{parent}")
    return suggest_similar(inside.name, tree.stdout.splitlines()) or ", nor has any other revision"


def _run_git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    if not which("git"):
        raise BenchError("a revision can only be read with git, which is not installed; compare folders instead")
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")
