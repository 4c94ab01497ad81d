"""Any file in a results folder is read or reported as damaged, and the other files are read."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.fuzz_strategies import assert_readable, junk, mutate, nest, numbers, texts
from vimae_bench.core.errors import ResultsError, escape_control_characters
from vimae_bench.core.spec import PluginSpec
from vimae_bench.reports import leaderboard_csv, leaderboard_json, leaderboard_latex, leaderboard_markdown
from vimae_bench.storage.atomic import append_json_line, format_json, read_json, read_json_lines, write_json
from vimae_bench.storage.doctor import find_faults
from vimae_bench.storage.run_folder import is_event, read_events
from vimae_bench.tracking.sync_state import SyncState

values = nest(st.one_of(st.none(), st.booleans(), numbers.filter(lambda x: abs(x) < 1e300), texts))
any_json = junk.filter(lambda value: not isinstance(value, float | int) or abs(value) < 1e300) | st.none()
bytes_ = st.binary(max_size=100) | values.map(lambda value: json.dumps(value).encode())


@pytest.fixture
def kept(results):
    """The results of two methods, and the files of the first run, which is to be damaged."""
    folder = results.add("A", 0, sse=25.0, rate=3.0)
    results.add("B", 0, sse=30.0, rate=4.0)
    for event in EVENTS:
        append_json_line(folder.events, event)
    SyncState("here", "abc", 5, 1, 1.0, {"record.json": "1-2"}).write(folder.path / ".mlflow.json")
    results.store.write_benchmark("fig1", "", {"rank_by": "sse", "columns": ["sse", "rate"]}, results.entries)
    return {
        "record": folder.record,
        "metric": folder.metric_path(PluginSpec("reconstruction")),
        "rate": next(folder.path.glob("metrics/rate-*")),
        "spec": folder.spec,
        "events": folder.events,
        "cursor": folder.path / ".mlflow.json",
        "benchmark": results.store.path / "benchmark.json",
        "reference": results.refer("svm", {"raw pixels": 88.0}),
    }


EVENTS = [
    {"event": "started", "time": 1.0, "resumed_from": 0, "remark": ""},
    {"event": "epoch", "epoch": 1, "time": 2.0, "seconds": 1.0, "terms": {"total": 3.0}},
    {"event": "measuring", "metric": "svm", "time": 3.0},
    {"event": "ended", "status": "done", "time": 4.0},
]
KINDS = ["record", "metric", "rate", "spec", "events", "cursor", "benchmark", "reference"]


def read_all(results, kept):
    """Run every reader on a folder with one damaged file."""
    run_results = results.store.load_results(results.entries)
    assert (run_results[1].status, run_results[1].estimates.keys()) == ("done", {"sse", "rate"})
    assert {results.store.get_state(entry) for entry in results.entries} <= {"done", "retrain", "failed", "diverged"}
    for fault in find_faults(results.store.path):
        assert_readable(escape_control_characters(f"{fault.path}: {fault.what}"), "fig1")
    assert isinstance(SyncState.read(kept["cursor"], "here"), SyncState)
    try:
        assert results.store.read_benchmark().name is not None
    except ResultsError as error:
        assert_readable(str(error), str(kept["benchmark"]))
    return run_results


@given(data=bytes_)
@example(data=b'{"a": NaN}')
@example(data=b'{"a": 1e999}')
@example(data=b'{"a":' * 500 + b"1" + b"}" * 500)
@example(data=b'{"a": ' + b"9" * 5000 + b"}")
@example(data=b'{"a": "\\ud800"}')
def test_any_bytes_are_damaged_or_json_that_can_be_written_again(tmp_path, data):
    path = tmp_path / "x.json"
    path.write_bytes(data)
    try:
        value = read_json(path)
    except ResultsError as error:
        assert_readable(str(error), str(path))
        return
    write_json(path, value)
    assert format_json(read_json(path)) == format_json(value)


@given(kind=st.sampled_from(KINDS), cut=st.integers(0, 3000), flip=st.integers(0, 8), junk=st.none() | bytes_)
def test_corrupted_file_affects_no_other(results, kept, kind, cut, flip, junk):
    whole = kept[kind].read_bytes()
    cut %= len(whole)
    flipped = bytes([whole[cut] ^ (1 << flip - 1)]) + whole[cut + 1 :] if flip else b""
    kept[kind].write_bytes(whole[:cut] + flipped if junk is None else junk)
    try:
        read_all(results, kept)
    finally:
        kept[kind].write_bytes(whole)


@given(draw=st.data(), kind=st.sampled_from(KINDS))
def test_file_with_a_changed_value_affects_no_other(results, kept, draw, kind):
    whole = kept[kind].read_text()
    original = json.loads(whole.splitlines()[1] if kind == "events" else whole)
    kept[kind].write_text(json.dumps(draw.draw(mutate(original, any_json), label="changed")) + "\n")
    try:
        expect_tables(read_all(results, kept), results)
    finally:
        kept[kind].write_text(whole)


def expect_tables(run_results, results):
    """Make leaderboards from the results that could be read."""
    try:
        boards = results.boards()
    except ResultsError as error:
        assert_readable(str(error), str(results.store.path))
        return
    for form in (leaderboard_csv, leaderboard_json, leaderboard_latex, leaderboard_markdown):
        form.format_leaderboards(boards).encode()


DAMAGE = {
    "an estimate of many digits": ("metric", {"estimates": {"sse": {"value": 10**400, "n": 1}}}),
    "an estimate that is a text": ("metric", {"estimates": {"sse": {"value": "1", "n": 1}}}),
    "parts that are texts": ("metric", {"estimates": {"sse": {"value": 1.0, "n": 1, "parts": ["a"]}}}),
    "an estimate of no measure": ("metric", {"estimates": {"mse": {"value": 1.0, "n": 1}}}),
    "rows in place of estimates": ("metric", {"rows": {"a": {}}}),
    "a direction that is none": ("metric", {"measures": [{"name": "sse", "unit": "", "better": "sideways"}]}),
    "a unit that is none": ("metric", {"measures": [{"name": "sse", "unit": 3, "better": None}]}),
    "a reason that is a list": ("record", {"reason": [1]}),
    "a maker that is a text": ("record", {"made_by": "me"}),
    "plugins that are a list": ("record", {"made_by": {"plugins": [1]}}),
    "data that are a number": ("record", {"data": 3}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_value_of_the_wrong_type_is_damage(results, kept, damage):
    kind, change = DAMAGE[damage]
    kept[kind].write_text(json.dumps({**json.loads(kept[kind].read_text()), **change}))
    run_results = read_all(results, kept)
    assert str(kept[kind]) in run_results[0].reason
    expect_tables(run_results, results)


@pytest.mark.parametrize("run", [{"seed": "0"}, {"seed": 10**300}, {"latent": [2]}, {"training": {"epochs": "3"}}])
def test_run_of_the_wrong_type_is_damage(results, kept, run):
    raw = json.loads(kept["benchmark"].read_text())
    raw["cells"][0]["run"] |= run
    kept["benchmark"].write_text(json.dumps(raw))
    with pytest.raises(ResultsError):
        results.store.load_results(results.store.read_benchmark().entries)


@pytest.mark.parametrize("name", ["../../x", "/abs", "..", "", "a\0", "x" * 300, "a\x1b"])
@pytest.mark.parametrize("part", ["dataset", "objective"])
def test_plugin_named_like_a_path_leads_nowhere(results, kept, part, name):
    raw = json.loads(kept["benchmark"].read_text())
    raw["cells"][0]["run"][part]["use"] = name
    kept["benchmark"].write_text(json.dumps(raw))
    with pytest.raises(ResultsError, match="no plugin can be called") as error:
        results.store.read_benchmark()
    assert_readable(str(error.value), str(kept["benchmark"]))


@given(
    chunks=st.lists(
        st.sampled_from(EVENTS).map(lambda event: json.dumps(event).encode() + b"\n") | bytes_ | st.just(b"\n"),
        max_size=6,
    ),
    cut=st.integers(0, 400),
)
@example(chunks=[b'{"event": "epoch", "epoch": 1, "time": NaN, "seconds": 1, "terms": {}}\n'], cut=400)
@example(chunks=[b'{"event": "epoch", "epoch": true, "time": 1, "seconds": 1, "terms": {}}\n'], cut=400)
@example(chunks=[b'{"event": "started", "time": 1}\n', b'{"event": "metric failed", "time": 1}\n'], cut=400)
def test_events_are_complete_lines_in_order_and_appended_ones_are_read_back(tmp_path, chunks, cut):
    path, data = tmp_path / "events.jsonl", b"".join(chunks)
    path.write_bytes(data)
    lines, events = list(read_json_lines(path)), list(read_events(path))
    assert events == [(line, end) for line, end in lines if is_event(line)]
    assert all(line == json.loads(data[:end].split(b"\n")[-2]) for line, end in lines)
    for _, offset in lines:
        assert list(read_json_lines(path, offset)) == [(line, end) for line, end in lines if end > offset]
    path.write_bytes(data[:cut])
    before = list(read_json_lines(path))
    assert before == [(line, end) for line, end in lines if end <= cut]
    append_json_line(path, {"event": "added", "time": 1.0, "name": "\udcff"})
    after = list(read_json_lines(path))
    assert after[: len(before)] == before
    assert after[-1][0] == {"event": "added", "time": 1.0, "name": "?"}
