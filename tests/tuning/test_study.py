from collections import Counter

import pytest

from vimae_bench.core.errors import InvalidFileError
from vimae_bench.tuning.study import run_study


def by_beta(entry):
    """The nearer beta is to 1, the better; seeds differ."""
    return abs(entry.run.objective.settings.get("beta", 3.0) - 1) + entry.run.seed / 1000


def test_every_method_that_searches_has_as_many_trials_from_all_seeds(planned, made):
    _, study = planned()
    work = made(by_beta)
    tuned = run_study(study, work.store, work)
    assert {one.label: len(one.trials) for one in tuned} == {"VAE": 4, "VIMAE": 4}
    assert all(sorted(attempt.by_seed) == [100, 101] for one in tuned for attempt in one.trials)
    runs = Counter(entry.label.partition(" #")[0] for entries in work.rounds for entry in entries)
    assert runs["VAE"] == 8
    assert "AE" not in runs


def test_the_best_mean_over_seeds_is_chosen(planned, made):
    _, study = planned()
    work = made(by_beta)
    vae, _ = run_study(study, work.store, work)
    wanted = min(vae.trials, key=lambda attempt: abs(attempt.settings["objective.beta"] - 1))
    assert vae.best == wanted
    assert vae.best.value == pytest.approx(abs(wanted.settings["objective.beta"] - 1) + 0.1005)


def test_trials_are_measured_on_held_out_images_by_the_requested_metric(planned, made):
    _, study = planned()
    work = made(by_beta)
    run_study(study, work.store, work)
    for entry in work.rounds[0]:
        assert (entry.run.dataset.name, entry.run.dataset.settings["of"]["use"]) == ("held_out", "digits")
        assert [metric.name for metric in entry.metrics] == ["reconstruction", "rate"], "one tells of collapse"


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_same_file_gives_the_same_trials(planned, made, sampler):
    _, study = planned(("trials = 4", f'trials = 14\nsampler = "{sampler}"'))
    one, other = (made(by_beta, folder) for folder in ("one", "other"))
    assert run_study(study, one.store, one) == run_study(study, other.store, other)


def test_what_is_reached_guides_the_sampler_that_learns(planned, made):
    _, study = planned(("trials = 4", 'trials = 30\nsampler = "tpe"'))
    work = made(lambda entry: entry.run.objective.settings.get("beta", 0.0))
    vae, _ = run_study(study, work.store, work)
    betas = [attempt.settings["objective.beta"] for attempt in vae.trials]
    assert sum(betas[20:]) / 10 < sum(betas[:10]) / 10 / 2


class Killed(BaseException):
    """A signal that cannot be caught."""


@pytest.mark.parametrize("after", [1, 3, 7, 12])
def test_an_interrupted_study_continues_where_it_was(planned, made, after):
    _, study = planned(('"sse"', '"sse"\nsampler = "tpe"'))
    is_integer, cut, left = made(by_beta, "whole"), made(by_beta, "cut"), [after]

    def until_killed(entry):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return by_beta(entry)

    with pytest.raises(Killed):
        run_study(study, cut.store, made(until_killed, "cut"))
    expected = run_study(study, is_integer.store, is_integer)
    assert run_study(study, cut.store, cut) == expected
    assert sum(map(len, cut.rounds)) == sum(map(len, is_integer.rounds)) - after


def test_more_trials_keep_those_there_are(planned, made):
    work = made(by_beta)
    first = run_study(planned()[1], work.store, work)
    work.rounds.clear()
    more = run_study(planned(("trials = 4", "trials = 6"))[1], work.store, work)
    assert [one.trials[:4] for one in more] == [one.trials for one in first]
    assert {entry.label[-2:] for entries in work.rounds for entry in entries} == {"#5", "#6"}


def test_a_trial_that_diverges_is_lost_and_takes_its_part_of_the_budget(planned, made):
    _, study = planned()
    work = made(lambda entry: None if entry.label == "VAE #2" and entry.seed == 101 else by_beta(entry))
    vae, _ = run_study(study, work.store, work)
    assert len(vae.trials) == 4
    assert (vae.trials[1].value, vae.trials[1].reason) == (None, "seed 101 diverged")
    assert len(vae.values) == 3


def test_every_measure_needs_the_metrics_that_detect_collapse(planned):
    _, study = planned(('measure = "sse"', 'measure = "mmd2"'))
    assert [metric.name for metric in study.group.metrics] == ["reconstruction", "rate", "aggregate_mmd"]


def test_the_margin_of_the_file_decides_on_trials(planned):
    _, study = planned(("[training]", '[leaderboard]\nmargins = { sse = "2 %" }\n[training]'))
    assert study.measure.margin == 0.02
    with pytest.raises(InvalidFileError, match=r"leaderboard\.margins\.sse: must be relative"):
        planned(("[training]", "[leaderboard]\nmargins = { sse = 2 }\n[training]"))
