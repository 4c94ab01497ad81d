"""Every built-in plugin passes the contract of its kind, and every kind has a contract and a hook."""

import pytest

from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.hookspecs import HOOKS
from vimae_bench.plugin.registry import make_plugin, make_prior_factory
from vimae_bench.plugin.settings import SettingsChecker
from vimae_bench.storage.atomic import compute_sha256
from vimae_bench.testing import CONTRACTS, run_checks
from vimae_builtin.metrics.fd_cnn import FdCnn

pytestmark = pytest.mark.medium

SVMS = ("", "_linear", "_retrained", "_standardised", "_subset")
SETTINGS = {
    "vimae": {"divergence": "mmd"},
    "wae_mmd": {"divergence": "mmd"},
    "infovae": {"divergence": "mmd", "a": 0.5, "l": 2.0},
    "infovae_zhao": {"divergence": "mmd", "alpha": 0.5, "lambda_": 2.0},
    "arrays": {"path": "mine"},
    "held_out": {"of": {"use": "digits", "validation": 100}},
    "ais": {"steps": 20},
    "factor_vae": {"layers": 2, "hidden": 64},
    "adversarial_js": {"units": 64},
    "aggregate_mmd": {"replicates": 19},
    "conv": {"width": 16},
    **{f"svm{kind}": {"label_draws": 2, "noise_draws": 1} for kind in SVMS},
    "tsvm": {"label_draws": 2},
    "episodes": {"split": "random", "train": 40, "test": 20, "episodes": 3},
}
INCEPTION = {"fid": {"images": 4}, "fid768": {"images": 4}, "kid": {"images": 4, "subset_size": 4}}
OURS = [entry for entry in get_catalog().entries if entry.origin.distribution == "vimae-bench"]


def made(kind, name, **more):
    raw = {"use": name, **SETTINGS.get(name, {}), **more}
    spec = PluginSpec.from_json(SettingsChecker(get_catalog().get_form).complete({"plugin": kind}, raw))
    return make_prior_factory(spec) if kind == "prior" else make_plugin(kind, spec)


@pytest.fixture
def random_weights(random_inception, monkeypatch):
    """Random weights for the Inception network, and the setting that asks for them."""
    monkeypatch.setenv("VIMAE_BENCH_INCEPTION", str(random_inception))
    return {"weights": compute_sha256(random_inception)}


@pytest.mark.parametrize("entry", OURS, ids=lambda e: f"{e.kind}-{e.name}")
def test_builtin_passes_every_check_of_its_kind(entry, request, cache, monkeypatch):
    monkeypatch.setattr(FdCnn, "steps", 20)
    more = request.getfixturevalue("random_weights") | INCEPTION[entry.name] if entry.name in INCEPTION else {}
    outcomes = [*run_checks(entry.kind, made(entry.kind, entry.name, **more))]
    assert not [f"{o.check.name}: {o.reason}" for o in outcomes if o.status == "fails"]
    assert any(o.status == "ok" for o in outcomes)


def test_every_kind_has_a_contract_and_every_check_a_summary():
    assert {*CONTRACTS} == {*HOOKS}
    for kind, checks in CONTRACTS.items():
        assert len({check.name for check in checks}) == len(checks), kind
        assert all(check.summary.endswith(".") for check in checks), kind


def test_every_kind_has_a_built_in_and_nothing_is_broken():
    assert {entry.kind for entry in OURS} == set(HOOKS)
    assert not get_catalog().broken
    assert all(entry.summary for entry in OURS)
