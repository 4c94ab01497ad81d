import pytest

from vimae_bench.config.search_space import NumberRange
from vimae_bench.tuning.sampler import Sampler

SPACE = {
    "weight": NumberRange(0.1, 1000.0, log=True),
    "units": NumberRange(1, 5, is_integer=True),
    "kernel": ("imq", None, [1, 2]),
}


def drawn(kind, seed, trials=12, reached=lambda settings: settings["weight"], space=SPACE):
    sampler, found = Sampler(space, "lower", kind, seed, "VAE"), []
    for number in range(trials):
        found.append(sampler.ask())
        sampler.tell(number, reached(found[-1]))
    return found


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_the_same_seed_and_answers_give_the_same_settings(kind):
    assert drawn(kind, 0) == drawn(kind, 0)
    assert drawn(kind, 0) != drawn(kind, 1)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_settings_are_within_their_space(kind):
    for settings in drawn(kind, 0, trials=30):
        assert 0.1 <= settings["weight"] <= 1000
        assert settings["units"] in range(1, 6)
        assert settings["kernel"] in SPACE["kernel"]
    assert {settings["units"] for settings in drawn("random", 0, trials=60)} == {1, 2, 3, 4, 5}


def test_numbers_are_short_and_stay_within_narrow_bounds():
    for settings in drawn("random", 0, space={"weight": NumberRange(1.00004, 1.00006)}):
        assert 1.00004 <= settings["weight"] <= 1.00006
    assert all(len(str(s["weight"]).replace(".", "").lstrip("0")) <= 5 for s in drawn("random", 0))


def test_more_trials_begin_with_the_same_ones():
    assert drawn("random", 0, trials=20)[:12] == drawn("random", 0, trials=12)


def rising(settings):
    return settings["weight"]


def falling(settings):
    return -settings["weight"]


def test_tpe_heeds_the_answers_and_random_draws_do_not():
    assert drawn("random", 0, 25, rising) == drawn("random", 0, 25, falling)
    assert drawn("tpe", 0, 25, rising)[:10] == drawn("tpe", 0, 25, falling)[:10]
    low, high = (sorted(s["weight"] for s in drawn("tpe", 0, 25, reached)[10:])[7] for reached in (rising, falling))
    assert low < high


def test_a_lost_trial_harms_no_later_one():
    assert len(drawn("tpe", 0, trials=15, reached=lambda settings: None)) == 15
