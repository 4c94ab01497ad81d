"""The JSON Schema of the benchmark file agrees with `read_benchmark`, as far as a schema can; taplo checks it."""

import json
import subprocess
import tomllib
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Ge
from click.testing import CliRunner
from jsonschema import Draft7Validator

from helpers.tools import require_program
from vimae_bench.cli import main
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.json_schema import make_json_schema
from vimae_bench.core.errors import InvalidFileError
from vimae_bench.plugin.catalog import Catalog, CatalogEntry, get_catalog
from vimae_bench.plugin.interfaces import Divergence
from vimae_bench.plugin.kinds import INTERFACES
from vimae_bench.plugin.manager import PluginOrigin
from vimae_bench.plugin.settings import describe_settings

ROOT = Path(__file__).parents[2]
TEXT = """\
name = "small"
seeds = [0, 1]
dataset = "digits"
architecture = { use = "mlp", hidden = [16] }
latent = 2
metrics = ["reconstruction", { use = "svm", label_draws = 3 }]
executor = { use = "local", jobs = 2 }
reporters = ["console"]

[training]
epochs = 2

[leaderboard]
rank_by = "sse"
margins = { sse = "5 %", "svm clean" = 1 }

[[leave_out]]
method = "A"
dataset = "digits"

[[method]]
label = "A"
objective = { use = "elbo", beta = 0.5 }
prior = "normal"

[[method]]
label = "B"
objective = { use = "vimae", divergence = { use = "mmd", kernel = "rbf" }, weight = 1.0 }
prior = { use = "logistic" }

[[method]]
label = "B again"
repeats = "B"
"""
GROUPS = """
[[group]]
latent = 3
training = { batch = 50 }

[[group]]
methods = ["A"]
method.A.objective.beta = 2.0
"""
BAD = {
    "a typo in a key": ("latent = 2", "latnet = 2"),
    "a typo in a key of a table": ("epochs = 2", "epoch = 2"),
    "a typo in a setting": ("beta = 0.5", "betta = 0.5"),
    "a typo in a nested setting": ('kernel = "rbf"', 'kernal = "rbf"'),
    "a setting of another plugin": ("beta = 0.5", "weight = 0.5"),
    "a text for a number": ("latent = 2", 'latent = "2"'),
    "a number for a text": ('label = "A"', "label = 1"),
    "a fraction for a whole number": ("epochs = 2", "epochs = 2.5"),
    "a truth for a number": ("latent = 2", "latent = true"),
    "a table for a number": ("latent = 2", "latent = { d = 2 }"),
    "a list of texts for one of numbers": ("hidden = [16]", 'hidden = ["16"]'),
    "a number below its bound": ("latent = 2", "latent = 0"),
    "a setting below its bound": ("beta = 0.5", "beta = -0.5"),
    "a seed below zero": ("seeds = [0, 1]", "seeds = [0, -1]"),
    "a seed twice": ("seeds = [0, 1]", "seeds = [1, 1]"),
    "no seed": ("seeds = [0, 1]", "seeds = []"),
    "an unknown plugin": ('"digits"\narch', '"digts"\narch'),
    "an unknown plugin in a table": ('use = "elbo"', 'use = "elbbo"'),
    "an unknown plugin in a list": ('"reconstruction"', '"reconstructions"'),
    "a wrong nested plugin": ('use = "mmd"', 'use = "normal"'),
    "a plugin of another kind": ('prior = "normal"', 'prior = "elbo"'),
    "a number for a plugin": ('prior = "normal"', "prior = 3"),
    "a table without use": ('use = "elbo", ', ""),
    "a missing required setting": ('divergence = { use = "mmd", kernel = "rbf" }, ', ""),
    "a bare name that needs a setting": ('{ use = "elbo", beta = 0.5 }', '"vimae"'),
    "a bad choice": ('kernel = "rbf"', 'kernel = "cubic"'),
    "a bad preset": ("latent = 2", 'latent = 2\npreset = "papre"'),
    "a bad name": ('name = "small"', 'name = "../up"'),
    "an empty label": ('label = "A"', 'label = ""'),
    "a missing key": ("latent = 2\n", ""),
    "a missing label": ('label = "A"\n', ""),
    "a method without a prior": ('prior = "normal"\n', ""),
    "an A/A control of nothing": ('repeats = "B"', 'repeats = ""'),
    "a margin below nought": ('"svm clean" = 1', '"svm clean" = -1'),
    "a list for a margin": ('"svm clean" = 1', '"svm clean" = [1]'),
    "an empty margin": ('sse = "5 %"', 'sse = ""'),
    "a column twice": ('rank_by = "sse"', 'columns = ["sse", "sse"]'),
    "a key of a table that is no axis": ('method = "A"\ndataset', 'method = "A"\ndatast'),
    "a version": ('use = "elbo"', 'use = "elbo", version = 2'),
    "a range without an end": ('label = "A"', 'label = "A"\nsearch = { "objective.beta" = { low = 1.0 } }'),
    "a number for values": ('label = "A"', 'label = "A"\nsearch = { "objective.beta" = 1.0 }'),
    "no values": ('label = "A"', 'label = "A"\nsearch = { "objective.beta" = [] }'),
    "a typo in a range": ('label = "A"', 'label = "A"\nsearch = { b = { low = 0, high = 1, lgo = true } }'),
    "a bound of a training of one's own": ('label = "A"', 'label = "A"\ntraining = { batch = 1 }'),
    "no trial": ("latent = 2", "latent = 2\ntuning = { trials = 0 }"),
    "an unknown sampler": ("latent = 2", 'latent = 2\ntuning = { sampler = "grid" }'),
    "a sigma out of range": ("latent = 2", 'latent = 2\npreset = "calibrated"\nsigma = 0.0'),
    "a group without tables": ("[training]", "group = 3\n[training]"),
    "no group": ("[training]", "group = []\n[training]"),
}
BAD_GROUPS = {
    "a key that no group has": ("latent = 3", "latent = 3\nname = 'x'"),
    "a typo in a group": ("latent = 3", "latnet = 3"),
    "a bound in a group": ("batch = 50", "batch = 1"),
    "a setting that no objective has": ("objective.beta = 2.0", "objective.betta = 2.0"),
    "a setting's bound": ("objective.beta = 2.0", "objective.beta = -2.0"),
    "a change that is none": ("method.A.objective.beta = 2.0", "method.A = 2.0"),
    "labels that are numbers": ('methods = ["A"]', "methods = [1]"),
    "what is in one group alone": ("latent = 2\n", ""),
}
UNSAID = {
    "a label twice": ('label = "B"', 'label = "A"'),
    "a plugin twice": ('dataset = "digits"\n', 'dataset = ["digits", "digits"]\n'),
    "an A/A control of an unknown label": ('repeats = "B"', 'repeats = "C"'),
    "an unknown label that is left out": ('method = "A"\n', 'method = "C"\n'),
    "nothing that is left out": ('method = "A"\ndataset = "digits"\n', ""),
    "a preset that needs a sigma": ("latent = 2", 'latent = 2\npreset = "calibrated"'),
    "a preset that does not fit the data": ("latent = 2", 'latent = 2\npreset = "wae"'),
    "not a number": ("beta = 0.5", "beta = nan"),
}
"""What depends on several places of a file, or is beyond JSON: `docs/how-to/editor.md` says so."""
UNSAID_GROUPS = {
    "a setting of another objective than the method's": ("objective.beta = 2.0", "objective.weight = 2.0"),
    "an unknown label": ('methods = ["A"]', 'methods = ["C"]'),
}
ALL_BAD = {**{k: (TEXT, *v) for k, v in BAD.items()}, **{k: (TEXT + GROUPS, *v) for k, v in BAD_GROUPS.items()}}
ALL_UNSAID = {
    **{k: (TEXT, *v) for k, v in UNSAID.items()},
    **{k: (TEXT + GROUPS, *v) for k, v in UNSAID_GROUPS.items()},
}


@pytest.fixture(scope="module")
def made():
    return make_json_schema(get_catalog())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the schema as the command writes it."""
    here = tmp_path_factory.mktemp("editor")
    done = CliRunner().invoke(main, ["schema", "--output", str(here / "schema.json")], catch_exceptions=False)
    assert done.output == f"{here / 'schema.json'}\n"
    return here


def refused_by_taplo(folder, texts):
    """Those of the texts, by name, in which taplo finds an error: by its exit code, as its last words may be lost."""
    return {name for name, text in texts.items() if is_refused_by_taplo(folder / "file.toml", text)}


def is_refused_by_taplo(file, text):
    file.write_text("#:schema ./schema.json\n" + text)
    taplo = require_program("taplo")
    return subprocess.run([taplo, "lint", file], capture_output=True, check=False, cwd=file.parent).returncode != 0


def changed_text(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


def is_refused(path, text):
    path.write_text(text)
    try:
        read_benchmark(path)
    except InvalidFileError:
        return True
    return False


def test_the_schema_is_valid(made):
    Draft7Validator.check_schema(made)


def test_taplo_accepts_every_benchmark_of_the_repository(folder):
    texts = {file.name: file.read_text() for file in sorted((ROOT / "benchmarks").glob("*.toml"))}
    assert len(texts) >= 6
    assert refused_by_taplo(folder, texts | {"small": TEXT, "groups": TEXT + GROUPS}) == set()


def test_taplo_refuses_what_we_refuse(folder):
    texts = {name: changed_text(*change) for name, change in ALL_BAD.items()}
    assert texts.keys() - refused_by_taplo(folder, texts) == set()


@pytest.mark.parametrize("name", ALL_BAD)
def test_we_refuse_what_the_schema_refuses(name, tmp_path, made):
    text = changed_text(*ALL_BAD[name])
    assert not Draft7Validator(made).is_valid(tomllib.loads(text))
    assert is_refused(tmp_path / "bad.toml", text)


@pytest.mark.parametrize("name", ALL_UNSAID)
def test_some_rules_no_schema_can_say(name, tmp_path, made):
    text = changed_text(*ALL_UNSAID[name])
    assert Draft7Validator(made).is_valid(tomllib.loads(text))
    assert is_refused(tmp_path / "unsaid.toml", text)


def test_an_error_is_reported_where_it_is(made):
    text = changed_text(TEXT, 'kernel = "rbf"', 'kernel = "cubic"')
    (error,) = Draft7Validator(made).iter_errors(tomllib.loads(text))
    while error.context:
        (error,) = error.context
    assert [*error.absolute_path] == ["method", 1, "objective", "divergence", "kernel"]


def test_every_key_and_every_plugin_says_what_it_is(made):
    assert [name for name, key in made["properties"].items() if not described(key)] == []
    for kind in ("objective", "metric", "dataset", "prior", "divergence", "architecture", "executor", "reporter"):
        _, names, *_ = made["definitions"][kind]["anyOf"]
        assert all(names["x-taplo"]["docs"]["enumValues"])


def described(key):
    return "description" in key or any(isinstance(o, dict) and "description" in o for o in key.get("anyOf", ()))


def test_settings_have_defaults_bounds_and_descriptions(made):
    beta = made["definitions"]["objective-elbo"]["properties"]["beta"]
    assert beta == {"type": "number", "minimum": 0, "default": 1.0}
    held_out = made["definitions"]["dataset-cifar10"]["properties"]["validation"]
    assert held_out["description"] == "How many of the last images of data_batch_5 are held out."
    inherited = made["definitions"]["dataset-mnist"]["properties"]["validation"]
    assert inherited["description"] == "How many of the last images of the training file are held out."


class Colour(Enum):
    RED = "red"


class Nested:
    """Holds another of its kind."""

    def __init__(
        self,
        inner: Divergence,
        colour: Colour = Colour.RED,
        pair: tuple[int, Annotated[float, Ge(0)]] = (1, 1.0),
        mode: Literal["a", "b"] | None = None,
    ):
        """All forms that a setting can have."""


def entry(name, target):
    return CatalogEntry(
        "divergence", name, PluginOrigin("x", "x", "x", "0"), "words", 1, describe_settings(target, INTERFACES)
    )


def test_a_third_party_plugin_with_any_name_and_settings_is_in_the_schema():
    plain = entry("plain", type("Plain", (), {"__init__": lambda self: None}))
    odd = entry("o~d%2F d", Nested)
    objective = next(e for e in get_catalog().entries if e.name == "vimae")
    validator = Draft7Validator(make_json_schema(Catalog([plain, odd, objective], ())))
    assert refusals(validator, {"use": "o~d%2F d", "inner": {"use": "o~d%2F d", "inner": "plain"}}) == []
    assert refusals(validator, {"use": "o~d%2F d", "inner": "plain", "colour": "red", "pair": [1, 0.5]}) == []
    for wrong in ({"colour": "blue"}, {"pair": [1, -0.5]}, {"pair": [1]}, {"mode": "c"}, {"inner": "odd"}):
        assert refusals(validator, {"use": "o~d%2F d", "inner": "plain", **wrong}) != []


def refusals(validator, divergence):
    method = {"label": "A", "objective": {"use": "vimae", "divergence": divergence}}
    found = validator.iter_errors({"method": method})
    return [error for error in found if "divergence" in error.absolute_path]


def test_the_schema_is_printed_where_no_file_is_named(made):
    done = CliRunner().invoke(main, ["schema"], catch_exceptions=False)
    assert json.loads(done.output) == made
