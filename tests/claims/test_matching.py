"""Which results belong to which experiment and method of a paper."""

from dataclasses import replace

import pytest

from helpers.papers import LESS, add_runs, format_claim
from vimae_bench.claims.matching import matches_method
from vimae_bench.claims.paper import default_paper_path, read_paper
from vimae_bench.core.errors import BenchError
from vimae_bench.execution import PluginSpec


def test_differences_from_the_published_scale_are_listed(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    setup = '[[setup]]\nid = "long"\ndatasets = { mnist = "a part" }\n'
    setup += '[setup.published]\n"training.epochs" = 100\n"training.batch" = 100\n"architecture.depth" = 4\n'
    made = evaluate.paper(setup + format_claim(LESS, setups='["long"]') + format_claim(LESS).replace('"1"', '"2"'))
    assert [bool(found.scale_differences) for found in made.claims] == [True, False]
    assert {e.setup.id: tuple(difference.text for difference in e.scale_differences) for e in made.evidence} == {
        "MNIST": (),
        "long": ("a part", "epochs 80 (published: 100)", "depth not set (published: 4)"),
    }


def test_runs_of_no_experiment_are_listed(results, evaluate):
    add_runs(results, A=20.0)
    results.entries[:] = [replace(entry, run=replace(entry.run, latent=8)) for entry in results.entries]
    made = evaluate.paper(format_claim(LESS))
    assert made.evidence == ()
    assert made.notes == ("mnist, mlp, d = 8, 80 epochs: belongs to no setup of the paper and is left out.",)


def test_a_method_that_several_labels_match_must_be_chosen(results, evaluate):
    add_runs(results, A=20.0, B=21.0, D=25.0)
    text = format_claim(LESS)
    twice = (
        text
        + '[methods.d]\nname = "D"\nlabels = ["A", "D"]\n'
        + format_claim(LESS.replace('"b"', '"d"')).replace('"1"', '"2"')
    )
    made = evaluate.paper(twice)
    assert "d" not in made.evidence[0].methods
    assert "D: several labels match, so none is used ('A', 'D'); choose one with --method." in made.evidence[0].notes
    assert evaluate.paper(twice, d="D").claims[1].verdict == "supported"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [({"vea": "A"}, "the paper has no method 'vea'"), ({"a": "AA"}, "no method here is called 'AA'; did you mean 'A'")],
)
def test_an_unknown_choice_is_an_error(results, evaluate, chosen: dict[str, str], message: str):
    add_runs(results, A=20.0)
    with pytest.raises(BenchError, match=message):
        evaluate.paper(format_claim(LESS), **chosen)


@pytest.mark.parametrize(
    ("method", "objective", "prior", "fit"),
    [
        ("vae", PluginSpec("elbo", {"beta": 1.0}), "normal", True),
        ("vae", PluginSpec("elbo", {"beta": 1.0}), "logistic", False),
        ("vae", PluginSpec("elbo", {"beta": 2.0}), "normal", False),
        ("beta_h", PluginSpec("elbo", {"beta": 4.0}), "normal", True),
        ("beta_h", PluginSpec("elbo", {"beta": 1.0}), "normal", False),
        ("beta_a", PluginSpec("elbo", {"beta": 0.2}), "normal", True),
        ("beta_a", PluginSpec("infovae", {"beta": 0.2}), "normal", False),
        ("vimae_n", PluginSpec("vimae", {"divergence": {"use": "mmd", "kernel": "imq"}}), "normal", True),
        ("vimae_n", PluginSpec("vimae", {"divergence": {"use": "swd"}}), "normal", False),
        ("vimae_l", PluginSpec("vimae", {"divergence": {"use": "mmd"}}), "logistic", True),
        ("vimae_l", PluginSpec("vimae", {"divergence": {"use": "mmd"}}), "normal", False),
    ],
)
def test_methods_are_matched_by_their_settings(method: str, objective: PluginSpec, prior: str, fit: bool):
    assert matches_method(objective, PluginSpec(prior), read_paper(default_paper_path()).methods[method]) is fit


def test_own_arrays_are_known_by_the_name_of_their_folder(results, evaluate):
    add_runs(results, A=20.0)
    for dataset in (PluginSpec("arrays", {"path": "/data/mnist"}), PluginSpec("arrays", {"path": "mnist"})):
        results.entries[:] = [replace(entry, run=replace(entry.run, dataset=dataset)) for entry in results.entries]
        assert [evidence.setup.id for evidence in evaluate.paper(format_claim(LESS)).evidence] == ["MNIST"]
