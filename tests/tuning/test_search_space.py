import re

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.search_space import NumberRange, apply_settings, list_searched_methods
from vimae_bench.core.errors import BenchError, InvalidFileError
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.tuning.study import plan_study

BETA = '"objective.beta" = { low = 0.1, high = 10.0, log = true }'
BATCH = '"training.batch" = { low = 20, high = 90 }'
KERNEL = '"objective.divergence.kernel" = ["imq", "rbf"]'


def problems(file, *changes):
    path = file(*changes)
    with pytest.raises(InvalidFileError) as caught:
        plan_study(read_benchmark(path), get_catalog())
    return [line.replace(str(path), "FILE") for line in str(caught.value).splitlines()]


PRIOR = '"prior" = ["normal", "logistic"]'
SSE = 'measure = "sse"'
DIGITS = '{ use = "digits", validation = 300 }'
VAE, VIMAE, AGAIN = ("30: method[1].search.", "36: method[2].search.", "41: method[3].search")


def span(low, high, log="false"):
    return f'"objective.beta" = {{ low = {low}, high = {high}, log = {log} }}'


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        (BETA, '"objective.betta" = [1.0]', f"{VAE}objective.betta", "no setting 'betta'; did you mean 'beta'?"),
        (BETA, '"objectiv.beta" = [1.0]', f"{VAE}objectiv.beta", "is not a setting of a method"),
        (BETA, '"objective.beta.x" = [1.0]', f"{VAE}objective.beta.x", "there is no setting 'x'"),
        (BETA, span(-1.0, 1.0), f"{VAE}objective.beta.low", "must be at least 0, not -1.0"),
        (BETA, span(3.0, 2.0), f"{VAE}objective.beta.low", "must be less than high, which is 2.0, not 3.0"),
        (BETA, span(2, 2), f"{VAE}objective.beta.low", "must be less than high, which is 2, not 2"),
        (BETA, span(0.0, 1.0, "true"), f"{VAE}objective.beta.log", "needs a low above 0, not 0.0"),
        (BETA, '"objective.beta" = [0.5, "much"]', f"{VAE}objective.beta[1]", "must be a number, not 'much'"),
        (BATCH, BATCH.replace("20", "20.5"), f"{VAE}training.batch.low", "must be an integer, not 20.5"),
        (BATCH, '"training" = [1]', f"{VAE}training", "is a table; search one of its settings (there is: adam_beta1"),
        (KERNEL, KERNEL.replace("rbf", "cubic"), f"{VIMAE}objective.divergence.kernel[1]", "must be one of"),
        (
            KERNEL,
            '"objective.divergence.kernel" = { low = 1, high = 2 }',
            f"{VIMAE}objective.divergence.kernel",
            "is not a number and has no range; give a list of values",
        ),
        (
            KERNEL,
            f'"objective.divergence" = ["mmd"], {KERNEL}',
            f"{VIMAE}objective.divergence.kernel",
            "is a setting of what 'objective.divergence' chooses; search one of the two",
        ),
        (PRIOR, PRIOR.replace("logistic", "logistik"), f"{VIMAE}prior[1]", "no prior is called 'logistik'; did you"),
        (SSE, 'measure = "ssse"', "17: tuning.measure", "is called 'ssse'; did you mean 'sse'?"),
        (SSE, 'measure = "rate"', "17: tuning.measure", "no measure with a direction is called 'rate'"),
        (SSE, "", "15: tuning.measure", "say which measure settings are chosen by"),
        ("[100, 101]", "[100, 1]", "18: tuning.seeds", "1 is among the seeds that methods are ranked on"),
        (
            'repeats = "VAE"',
            'repeats = "VAE"\nsearch = { "prior" = ["normal"] }',
            AGAIN,
            "is an A/A control: it takes what is chosen for 'VAE'",
        ),
        (BETA, '"objective" = ["elbo", "ae"]', f"{VAE}objective", "cannot be searched, since it defines the method"),
        ('name = "search"', f'name = "{"a" * 60}"', "3: name", "leaves no room for '-tuning' after it"),
        ('repeats = "VAE"', 'repeats = "VAE"\n\n[[group]]\nlatent = 3', "42: group", "for a file without groups"),
        (DIGITS, f'[{DIGITS}, "blobs"]', "5: dataset", "settings are chosen for one table at a time, and there are 2"),
    ],
)
def test_an_invalid_search_is_reported_with_its_line_and_a_remedy(file, old, new, where, message):
    (line,) = problems(file, (old, new))
    assert line.startswith(f"FILE:{where}: ")
    assert message in line


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        (BETA, '"objective.beta" = { low = 0.1 }', f"{VAE}objective.beta", "needs a value for 'high'"),
        (
            BETA,
            BETA.replace("log", "lgo"),
            f"{VAE}objective.beta",
            "takes no 'lgo' (there is: low, high, log); the path of a setting is written in quotes",
        ),
        (BETA, '"objective.beta" = 3', f"{VAE}objective.beta", "must be an array or object, not 3"),
        (BETA, '"objective.beta" = []', f"{VAE}objective.beta", "must not be shorter than 1, not []"),
        (BETA, span('"a"', 1.0), f"{VAE}objective.beta.low", "must be a number, not 'a'"),
        ("trials = 4", "trials = 0", "16: tuning.trials", "must be at least 1, not 0"),
        ("trials = 4", 'sampler = "grid"', "16: tuning.sampler", "must be one of 'random', 'tpe', not 'grid'"),
    ],
)
def test_a_search_of_the_wrong_form_is_reported_when_the_file_is_read(file, old, new, where, message):
    (line,) = problems(file, (old, new))
    assert line == f"FILE:{where}: {message}"


def test_all_problems_of_searches_are_reported_together(file):
    changes = (BETA, '"objective.betta" = [1.0]'), (KERNEL, '"objective.divergence.kernel" = ["x"]'), ('"sse"', '"ss"')
    found = problems(file, *changes)
    assert [re.match(r"FILE:(\d+)", line)[1] for line in found] == ["30", "36", "17"]


def test_a_file_without_a_search_is_refused(file, tmp_path):
    path = file()
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("search")))
    with pytest.raises(InvalidFileError, match="none has a `search`"):
        plan_study(read_benchmark(path), get_catalog())


def test_spaces_are_of_the_kind_of_their_settings(planned):
    benchmark, _ = planned()
    vae, vimae = list_searched_methods(benchmark, get_catalog())
    assert vae.space == {
        "objective.beta": NumberRange(0.1, 10.0, log=True),
        "training.batch": NumberRange(20, 90, is_integer=True),
    }
    assert vimae.space == {"objective.divergence.kernel": ("imq", "rbf"), "prior": ("normal", "logistic")}


def test_a_method_takes_the_values_of_its_settings(planned):
    benchmark, _ = planned()
    _, vae, vimae, _ = benchmark.groups[0].methods
    made = apply_settings(vae, {"objective.beta": 2, "training.batch": 30}, get_catalog())
    assert (made.objective.settings["beta"], made.training) == (2.0, {"batch": 30})
    made = apply_settings(vimae, {"prior": "logistic", "objective.divergence.kernel": "rbf"}, get_catalog())
    assert (made.prior.name, made.objective.settings["divergence"]["kernel"]) == ("logistic", "rbf")
    assert apply_settings(vimae, {}, get_catalog()).objective == vimae.objective


def test_invalid_values_are_refused(planned):
    benchmark, _ = planned()
    with pytest.raises(BenchError, match=r"VAE: objective.beta must be at least 0, not -1.0"):
        apply_settings(benchmark.groups[0].methods[1], {"objective.beta": -1.0}, get_catalog())


@pytest.mark.parametrize(
    ("span", "value", "edge"),
    [
        (NumberRange(0.0, 100.0), 4.0, True),
        (NumberRange(0.0, 100.0), 6.0, False),
        (NumberRange(0.0, 100.0), 96.0, True),
        (NumberRange(1.0, 100.0, log=True), 6.0, False),
        (NumberRange(1.0, 100.0, log=True), 1.2, True),
        (NumberRange(1.0, 100.0, log=True), 90.0, True),
        (NumberRange(1, 2, is_integer=True), 1, True),
    ],
)
def test_a_value_in_the_outermost_twentieth_of_a_range_is_at_its_edge(span, value, edge):
    assert span.is_edge(value) is edge
