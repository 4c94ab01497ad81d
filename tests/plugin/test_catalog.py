import subprocess
import sys

import pytest

from helpers.plugins import forget_plugins
from vimae_bench.core.canonical import fingerprint
from vimae_bench.plugin import catalog
from vimae_bench.plugin.catalog import build_catalog, get_catalog
from vimae_bench.plugin.manager import find_plugins

pytestmark = pytest.mark.medium

BROKEN = {
    "raises": ("1/0", "raised ZeroDivisionError at import: division by zero"),
    "leaves": ("import sys; sys.exit(3)", "raised SystemExit at import: 3"),
    "absent": ("import no_such_library", "No module named 'no_such_library'"),
    "misspelt": (
        "from vimae_bench.plugin import hookimpl\n@hookimpl\ndef vimae_objectivs(): return {}",
        "unknown hook 'vimae_objectivs'",
    ),
    "greedy": (
        "from vimae_bench.plugin import hookimpl\n@hookimpl\ndef vimae_priors(thing): return {}",
        "Argument(s) {'thing'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "throws": (
        "from vimae_bench.plugin import hookimpl\n@hookimpl\ndef vimae_priors(): raise ValueError('no')",
        "raised ValueError('no')",
    ),
    "lists": (
        "from vimae_bench.plugin import hookimpl\n@hookimpl\ndef vimae_priors(): return ['a']",
        "has to return a mapping",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_with_its_distribution_and_harms_no_other(install, name):
    source, reason = BROKEN[name]
    install(name, source, version="2.3")
    install("sound")
    made = build_catalog(find_plugins())
    (broken,) = made.broken
    assert str(broken).startswith(f"{name} ({name} 2.3): ")
    assert reason in broken.reason
    assert made.get_entry("divergence", "echo").origin.distribution == "sound"
    assert made.get_entry("objective", "elbo").origin.distribution == "vimae-bench"


def test_two_plugins_of_one_name_are_both_reported_and_not_used(install):
    install("first")
    install("second", version="0.2")
    made = build_catalog(find_plugins())
    with pytest.raises(LookupError, match=r"claimed by first \(first 1.0\) and second \(second 0.2\)"):
        made.get_entry("divergence", "echo")
    assert "echo" not in made.list_names("divergence")
    assert "mmd" in made.list_names("divergence")


def test_a_setting_without_a_type_breaks_the_plugin(install):
    source = (
        "from vimae_bench.plugin import hookimpl\n@hookimpl\ndef vimae_priors(): return {'bare': lambda scale: None}"
    )
    install("untyped", source)
    (broken,) = build_catalog(find_plugins()).broken
    assert (broken.kind, broken.name) == ("prior", "bare")
    assert "'scale' has no type" in broken.reason


def test_a_setting_with_a_reserved_name_breaks_the_plugin(install):
    source = (
        "from vimae_bench.plugin import hookimpl\n"
        "def odd(version: int = 2): ...\n"
        "@hookimpl\n"
        "def vimae_priors(): return {'odd': odd}"
    )
    install("reserved", source)
    (broken,) = build_catalog(find_plugins()).broken
    assert (broken.kind, broken.name) == ("prior", "odd")
    assert "'version'" in broken.reason


def test_a_setting_that_is_a_table_breaks_the_plugin(install):
    install(
        "tabled",
        "from dataclasses import dataclass\n"
        "from vimae_bench.plugin import hookimpl\n"
        "@dataclass\n"
        "class Inner: x: int = 1\n"
        "@dataclass\n"
        "class Outer: inner: Inner\n"
        "@hookimpl\n"
        "def vimae_priors(): return {'outer': Outer}",
    )
    (broken,) = build_catalog(find_plugins()).broken
    assert "'inner' is a table" in broken.reason


def test_an_unknown_name_suggests_a_similar_one_and_names_broken_plugins(install):
    install("raises", "1/0")
    made = build_catalog(find_plugins())
    with pytest.raises(
        LookupError, match=r"no divergence is called 'mdm'; did you mean 'mmd'\?; raises \(raises 1.0\)"
    ):
        made.get_entry("divergence", "mdm")


def test_the_catalog_is_cached_until_a_plugin_changes(install, monkeypatch):
    path = install("sound")
    built = []
    whole = catalog.build_catalog
    monkeypatch.setattr(catalog, "build_catalog", lambda found: built.append(1) or whole(found))

    def names():
        forget_plugins()
        return catalog.get_catalog().list_names("divergence")

    assert names() == names()
    assert {"echo", "mmd"} <= set(names())
    assert len(built) == 1
    path.write_text(path.read_text().replace('"echo"', '"changed"'))
    monkeypatch.delitem(sys.modules, "sound")
    assert {"changed", "mmd"} <= set(names())
    assert "echo" not in names()
    assert len(built) == 2


def test_a_catalog_with_a_broken_plugin_is_not_cached(install, tmp_path):
    install("raises", "1/0")
    assert catalog.get_catalog().broken
    assert not list((tmp_path / "cache").rglob("catalog-*"))


def test_two_environments_keep_a_catalog_each(install, tmp_path, monkeypatch):
    path = install("sound")
    prefixes = ["/environments/a", "/environments/b"]
    for prefix in prefixes * 2:
        monkeypatch.setattr(sys, "prefix", prefix)
        forget_plugins()
        catalog.get_catalog()
    kept = list((tmp_path / "cache").rglob("catalog-*"))
    assert len({file.parent for file in kept}) == len(kept) == 2
    path.write_text(path.read_text() + "\n")  # of an environment, only the newest is kept
    forget_plugins()
    catalog.get_catalog()
    (other,) = [file for file in kept if file.exists()]
    assert len(list((tmp_path / "cache").rglob("catalog-*"))) == 2
    assert other.parent.name == f"environment-{fingerprint('/environments/a')}"


def test_a_damaged_cache_is_built_again(install, tmp_path):
    install("sound")
    before = catalog.get_catalog()
    (kept,) = (tmp_path / "cache").rglob("catalog-*")
    kept.write_text("{")
    forget_plugins()
    assert catalog.get_catalog().list_names("divergence") == before.list_names("divergence")


def test_executors_and_reporters_are_made_without_torch():
    """An executor starts its workers while the parent process still imports torch."""
    code = (
        "import sys\n"
        "from vimae_bench.plugin.catalog import get_catalog\n"
        "from vimae_bench.plugin.registry import load_factory\n"
        "catalog = get_catalog()\n"
        "for kind in ('executor', 'reporter'):\n"
        "    for name in catalog.list_defaults(kind):\n"
        "        load_factory(catalog.get_entry(kind, name))\n"
        "assert 'torch' not in sys.modules\n"
    )
    get_catalog()  # in the cache now
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
