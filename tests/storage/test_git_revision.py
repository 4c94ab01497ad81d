"""Results folders and archives at a git revision, in repositories made for the test."""

import subprocess
from dataclasses import replace

import pytest

from helpers.tools import require_program
from vimae_bench.core.errors import BenchError, ResultsError
from vimae_bench.storage.archive import find_results, pack_results
from vimae_bench.storage.git_revision import export_revision, find_revision
from vimae_bench.storage.store import ResultsFolder

ME = ("-c", "user.name=me", "-c", "user.email=me@here", "-c", "commit.gpgsign=false")


def git(folder, *words):
    return subprocess.run(
        [require_program("git"), *ME, "-C", folder, *words], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(results, monkeypatch):
    """A repository whose first commit has other numbers than its second, and uncommitted ones; we are inside."""
    top = results.store.path.parent
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.chdir(top)
    git(top, "init", "-q", "-b", "main")
    for n, value in enumerate((20.0, 30.0), 1):
        for seed in range(2):
            results.add("VAE", seed, sse=value + seed)
        results.store.write_benchmark("fig1", "", {}, results.entries[:2])
        git(top, "add", ".")
        git(top, "commit", "-qm", f"results {n}")
    git(top, "tag", "v2")
    results.add("VAE", 0, sse=99.0)
    return results


def run_results(text, folder):
    folder.mkdir()
    folder = find_results(export_revision(find_revision(text), folder))
    store = ResultsFolder(folder)
    return store.load_results(store.read_benchmark().entries)


def values(text, folder):
    return [result.estimates["sse"].value for result in run_results(text, folder)]


def test_each_revision_has_its_own_numbers_and_the_working_tree_is_not_changed(repository, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / "fig1").rglob("*") if path.is_file()}
    assert values("fig1@HEAD~1", tmp_path / "old") == [20, 21]
    assert values("fig1@v2", tmp_path / "new") == [30, 31]
    assert {path: path.read_bytes() for path in before} == before
    assert git(tmp_path, "worktree", "list").count("\n") == 1


def test_a_revision_is_read_as_the_folder_was_when_it_was_committed(repository, tmp_path):
    git(tmp_path, "checkout", "-q", ".")
    there = repository.store.load_results(repository.entries[:2])
    read = run_results("fig1@HEAD", tmp_path / "read")
    assert [replace(result, folder=other.folder) for result, other in zip(read, there, strict=True)] == there


def test_a_deleted_folder_can_still_be_read(repository, tmp_path):
    git(tmp_path, "rm", "-rfq", "fig1")
    git(tmp_path, "commit", "-qm", "gone")
    assert values("fig1@HEAD~1", tmp_path / "old") == [30, 31]
    with pytest.raises(BenchError, match=r"fig1@HEAD: HEAD \(\w{10}\) has no fig1; it is in \w+, \w+$"):
        find_revision("fig1@HEAD")


def test_paths_and_revisions_may_hold_an_at_themselves(repository, tmp_path):
    git(tmp_path, "mv", "fig1", "fig@1")
    git(tmp_path, "commit", "-qm", "renamed")
    assert values("fig@1@HEAD", tmp_path / "a") == [30, 31]
    assert values("fig1@HEAD@{1}", tmp_path / "b") == [30, 31]
    assert find_revision("fig@1@HEAD").name == "HEAD"


def test_a_revision_is_found_from_anywhere_in_the_repository_and_from_outside(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "fig1/runs")
    assert values("..@HEAD~1", tmp_path / "up") == [20, 21]
    monkeypatch.chdir("/")
    assert values(f"{tmp_path}/fig1@HEAD~1", tmp_path / "outside") == [20, 21]


def test_the_top_of_a_repository_can_be_the_folder(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "fig1")
    git(".", "init", "-q")
    git(".", "add", ".")
    git(".", "commit", "-qm", "itself")
    assert values(".@HEAD", tmp_path / "top") == [99, 31]


def test_only_json_files_are_exported_and_no_links(repository, tmp_path):
    (tmp_path / "fig1/evil.json").symlink_to("/etc/passwd")
    (tmp_path / "fig1/picture.png").write_bytes(b"png")
    git(tmp_path, "add", "-f", ".")
    git(tmp_path, "commit", "-qm", "a link")
    run_results("fig1@HEAD", folder := tmp_path / "read")
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json"}
    assert not (folder / "evil.json").is_symlink()
    assert not (folder / "evil.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fig1@mian", "fig1@mian: git knows no revision 'mian'; did you mean 'main'?"),
        ("fig1@v3~1", "fig1@v3~1: git knows no revision 'v3~1'; did you mean 'v2'?"),
        ("fig1@HEAD~9", "fig1@HEAD~9: 'HEAD' has no '~9'"),
        ("fig1@--all", "fig1@--all: git knows no revision '--all'"),
        ("fig2@v2", "has no fig2; did you mean 'fig1'?"),
        ("fig1/benchmark.json@v2", "fig1/benchmark.json is a file in v2; name a results folder"),
        ("fig1@", "fig1@: has to be of the form PATH@REVISION"),
        ("@v2", "@v2: has to be of the form PATH@REVISION"),
    ],
)
def test_what_cannot_be_found_is_reported_with_a_remedy(repository, text, message):
    with pytest.raises(BenchError) as raised:
        find_revision(text)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_shallow_clone_says_how_to_get_the_rest(repository, tmp_path):
    git("/", "clone", "-q", "--depth=1", f"file://{tmp_path}", tmp_path / "clone")
    with pytest.raises(BenchError, match="'HEAD' has no '~1'; this clone is shallow, and `git fetch --unshallow`"):
        find_revision(f"{tmp_path}/clone/fig1@HEAD~1")


def test_a_folder_without_a_repository_and_a_machine_without_git_are_reported(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (lone := tmp_path.parent / "lone").mkdir(exist_ok=True)
    with pytest.raises(BenchError, match=f"^{lone}: is not in a git repository"):
        find_revision(f"{lone}@HEAD")
    monkeypatch.setenv("PATH", str(lone))
    with pytest.raises(BenchError, match="git, which is not installed"):
        find_revision("fig1@HEAD")


def test_results_packed_in_one_revision_are_compared_with_the_folder_of_another(repository, tmp_path):
    pack_results(tmp_path / "fig1")
    git(tmp_path, "rm", "-rfq", "fig1")
    git(tmp_path, "add", "fig1.zip")
    git(tmp_path, "commit", "-qm", "packed")
    assert values("fig1@HEAD", tmp_path / "packed") == [99, 31]
    assert values("fig1.zip@HEAD", tmp_path / "named") == [99, 31]
    assert values("fig1@HEAD~1", tmp_path / "folder") == [30, 31]


def test_an_archive_next_to_a_folder_of_figures_is_read(repository, tmp_path):
    pack_results(tmp_path / "fig1")
    git(tmp_path, "rm", "-rfq", "fig1")
    (tmp_path / "fig1").mkdir(exist_ok=True)
    (tmp_path / "fig1" / "leaderboard.md").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "packed")
    assert values("fig1@HEAD", tmp_path / "packed") == [99, 31]


def test_a_damaged_archive_is_reported_under_its_name(repository, tmp_path):
    (tmp_path / "fig2.zip").write_bytes(b"damaged")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "damaged")
    with pytest.raises(ResultsError, match="is not an archive of results, or damaged"):
        values("fig2@HEAD", tmp_path / "read")
