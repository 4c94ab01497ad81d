"""Any benchmark file is planned or refused with a message."""

import tomllib
from copy import deepcopy
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from helpers.fuzz_strategies import DATES, ESCAPE, assert_readable, junk, mutate, nest, texts
from helpers.toml import format_document
from vimae_bench.claims.paper import default_paper_path, read_paper
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.file_schema import BenchmarkFile
from vimae_bench.config.groups import GROUP_KEYS
from vimae_bench.config.json_schema import make_json_schema
from vimae_bench.config.matrix import list_entries, select_entries
from vimae_bench.config.search_space import apply_settings, find_search_problems, list_searched_methods
from vimae_bench.core.errors import BenchError
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tuning.sampler import Sampler

SMALL = """
name = "small"
seeds = [0, 1]
dataset = "digits"
architecture = { use = "mlp", hidden = [16] }
latent = 2
metrics = ["reconstruction", { use = "svm", label_draws = 3 }]
preset = "calibrated"
sigma = 0.1
training = { epochs = 2 }
leave_out = [{ method = "A" }]
leaderboard = { rank_by = "sse", columns = ["sse"] }
reporters = ["console"]
method = [
  { label = "A", objective = { use = "elbo", beta = 0.5 }, prior = "normal" },
  { label = "B", objective = { use = "vimae", divergence = "mmd", weight = 1.0 }, prior = "normal" },
  { label = "B again", repeats = "B" },
]
"""
GROUPS = """
group = [
  { latent = 3 },
  { dataset = "blobs", methods = ["A", "B"], method = { A = { objective = { beta = 2.0 } } }, seeds = [5] },
]
"""
BASES = [tomllib.loads(SMALL), tomllib.loads(SMALL.replace('preset = "calibrated"\nsigma = 0.1\n', "") + GROUPS)]
PAPER = {
    "source": {"title": "T"},
    "methods": {"a": {"objective": "elbo", "beta": 1.0}, "b": {"objective": "ae", "labels": ["AE"]}},
    "setup": [{"id": "s", "datasets": {"digits": ""}, "latent": 2, "published": {"training.epochs": 80}}],
    "table": [{"id": "t", "setup": "s", "measure": "svm {condition}", "conditions": ["x"], "values": {"a": [1.0]}}],
    "claim": [
        {"id": "c", "text": "a < b", "test": [{"kind": "less", "a": ["a"], "b": ["b"], "setups": ["s"]}]},
        {"id": "d", "text": "1", "test": [{"kind": "computed", "formula": "none"}]},
    ],
    "stand_in": [{"measure": "sse", "by": "mse"}],
}
NAMES = ["use", "version", "label", "objective", "prior", "repeats", "epochs", "batch", "rank_by", "columns", "beta"]
SEARCHED = ["objective.beta", "objective.divergence.kernel", "training.batch", "prior", "objective", "prior.x", "a.b"]
keys = st.sampled_from([*BenchmarkFile.__dataclass_fields__, *GROUP_KEYS, *NAMES]) | texts
given_values = junk | st.sampled_from([*DATES, {"use": "mmd"}, {"use": 3}, ["digits", "mnist"]])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "b.toml"


def planned_or_refused(file, overrides=(), words=""):
    """Plan a file, or check the error message."""
    try:
        matrix = select_entries(list_entries(read_benchmark(file, overrides)), words)
    except BenchError as error:
        assert_readable(str(error), str(file), "-o ", "-k ")
        return
    store = ResultsFolder(file.parent / "results")
    for entry in matrix[:5]:
        assert store.run_folder(entry.run).path.parent == store.path / "runs"
        assert store.get_state(entry) == "new"


@given(data=st.binary(max_size=200) | st.text(alphabet="[]{}=\"'#\n\\.0x_e-a, ").map(str.encode))
@example(data=b"\xef\xbb\xbf" + SMALL.encode())
@example(data=b"x = " + b"9" * 5000)
@example(data=SMALL.replace("latent = 2", "latent = 0x" + "f" * 5000).encode())
@example(data=b"x = " + b"[" * 500 + b"]" * 500)
@example(data=SMALL.encode("utf-16"))
@example(data=SMALL.encode().replace(b"\n", b"\r\n"))
def test_any_bytes_are_planned_or_refused_with_a_message(file, data):
    file.write_bytes(data)
    planned_or_refused(file)


@given(tables=st.dictionaries(keys, nest(given_values, keys), max_size=4))
@example(tables={"dataset": {"use": "digits", "pixel_range": [1]}, "preset": "calibrated", "sigma": 0.1})
def test_any_tables_are_planned_or_refused_with_a_message(file, tables):
    file.write_text(format_document(tables), encoding="utf-8")
    planned_or_refused(file)


@given(tables=st.sampled_from(BASES).flatmap(lambda base: mutate(base, given_values, keys)))
@example(tables={**BASES[0], "sigma": 1e-200})
@example(tables={**BASES[0], "sigma": 1e200})
@example(tables={**BASES[0], "name": "small\n"})
@example(tables={**BASES[0], "method": {"label": ESCAPE, "objective": ESCAPE}})
@example(tables={**BASES[0], "dataset": [{"use": "digits", "pixel_range": [1]}, "blobs"]})
@example(tables={**BASES[0], "seeds": list(range(1000)), "latent": 0})
def test_changed_tables_are_planned_or_refused_with_a_message(file, tables):
    file.write_text(format_document(tables) if isinstance(tables, dict) else "", encoding="utf-8")
    planned_or_refused(file)


ends = junk | st.floats() | st.integers(-5, 50)
values = st.lists(given_values, max_size=3) | st.fixed_dictionaries({"low": ends, "high": ends}) | given_values


@given(search=st.dictionaries(st.sampled_from(SEARCHED) | keys, values, max_size=3), tuning=nest(given_values, keys))
@example(search={"objective.beta": {"low": float("nan"), "high": float("inf")}}, tuning={})
@example(search={"training.batch": {"low": 2**63 - 1, "high": 1e308}}, tuning={"seeds": [0]})
def test_any_search_space_is_used_or_refused_with_a_message(file, search, tuning):
    tables = deepcopy(BASES[0])
    tables["method"][1]["search"] = search
    file.write_text(format_document({**tables, "tuning": tuning if isinstance(tuning, dict) else {}}), encoding="utf-8")
    try:
        benchmark = read_benchmark(file)
        if found := [*find_search_problems(benchmark, get_catalog())]:
            raise benchmark.make_error(found)
        spaces = list_searched_methods(benchmark, get_catalog())
    except BenchError as error:
        assert_readable(str(error), str(file))
        return
    for one in spaces:
        sampler = Sampler(one.space, "lower", "random", 0)
        assert apply_settings(one.method, sampler.ask(), get_catalog()).label == one.method.label


@cache
def editor():
    return Draft7Validator(make_json_schema(get_catalog()))


@given(tables=st.sampled_from(BASES).flatmap(lambda base: mutate(base, given_values, keys)))
@example(tables={**BASES[1], "group": [{"method": {"A": 3}}]})
@example(tables={**BASES[0], "method": {"label": "A", "objective": {"use": "vimae", "divergence": "mdm"}}})
def test_what_the_schema_refuses_is_refused(file, tables):
    """Except for values that every group overrides, and methods that no group uses."""
    tables = tables if isinstance(tables, dict) else {}
    file.write_text(format_document(tables), encoding="utf-8")
    try:
        matrix = list_entries(read_benchmark(file))
    except BenchError:
        return
    labels = {entry.label for entry in matrix}
    assert not [error.message for error in editor().iter_errors(tables) if is_read(error, tables, labels)]


def is_read(error, tables, labels):
    """Whether some group uses the value with the error."""
    key, *rest = [*error.absolute_path, ""]
    if key == "method" and isinstance(tables["method"], list):
        return tables["method"][rest[0]].get("label") in labels
    return not all(key in group for group in tables.get("group", [{}]))


@given(cut=st.integers(0, len(SMALL)), length=st.integers(0, 9), put=st.text(max_size=5))
def test_changed_text_is_planned_or_refused_with_a_message(file, cut, length, put):
    file.write_text(SMALL[:cut] + put + SMALL[cut + length :], encoding="utf-8")
    planned_or_refused(file)


@given(
    path=st.lists(st.one_of(keys, st.integers(0, 3).map(str), st.sampled_from(["²", "-1", "9" * 5000])), max_size=4),
    value=given_values.map(lambda value: str(value)[:100])
    | st.sampled_from(["", "0x" + "f" * 5000, "[" * 2000])
    | texts,
    words=texts,
)
@example(path=["seeds", "x", "y"], value="3", words="")
@example(path=["²"], value="3", words="")
@example(path=["latent"], value="0x" + "f" * 5000, words="")
@example(path=["name"], value="\udcff", words="\udcff")
@example(path=["name"], value='"x"', words=ESCAPE)
def test_any_override_and_filter_is_applied_or_refused_with_a_message(file, path, value, words):
    file.write_text(SMALL, encoding="utf-8")
    planned_or_refused(file, [f"{'.'.join(path)}={value}"], words)


@given(tables=mutate(PAPER, given_values, keys))
def test_changed_paper_file_is_read_or_refused_with_a_message(file, tables):
    file.write_text(format_document(tables) if isinstance(tables, dict) else "", encoding="utf-8")
    try:
        read_paper(file)
    except BenchError as error:
        assert_readable(str(error), str(file))


def test_unchanged_files_are_valid(file):
    for base in BASES:
        file.write_text(format_document(base), encoding="utf-8")
        assert list_entries(read_benchmark(file))
    assert read_paper(default_paper_path()).claim
