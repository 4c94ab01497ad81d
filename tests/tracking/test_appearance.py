"""Names and colours of runs and methods in MLflow."""

from dataclasses import replace

from vimae_bench.core.spec import PluginSpec
from vimae_bench.tracking.appearance import Appearance, plan_appearance

from .conftest import make_entry


def test_names_are_short_and_end_with_the_seed():
    entry = make_entry(seed=7)
    appearance = plan_appearance([entry, make_entry(seed=0, label="AE")])
    assert appearance.name_run(entry) == "VIMAE-n s7"
    assert appearance.name_method(entry) == "VIMAE-n"
    assert appearance.name_method(entry, "collapsed") == "VIMAE-n (collapsed)"


def test_names_say_what_tells_tables_apart():
    entry = make_entry(seed=7)
    other = replace(entry, run=replace(entry.run, dataset=PluginSpec("mnist")))
    wide = replace(entry, run=replace(entry.run, latent=8))
    assert plan_appearance([entry, other]).name_run(other) == "VIMAE-n s7, mnist"
    assert plan_appearance([entry, wide]).name_method(entry) == "VIMAE-n, d = 2"


def test_methods_have_different_colours_and_a_method_has_one():
    entries = [make_entry(seed, label) for label in ("AE", "VAE", "VIMAE-n") for seed in (0, 1)]
    colours = plan_appearance(entries).colours
    assert len({*colours.values()}) == len(colours) == 3
    assert plan_appearance(entries[::-1]).colours == colours
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour in colours.values())


def test_without_a_benchmark_runs_still_have_names():
    assert Appearance().name_run(make_entry(seed=3)) == "VIMAE-n s3"
