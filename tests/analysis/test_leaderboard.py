"""What a leaderboard shows and decides, what it does not, and what it says about itself."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.statistics import confidence_interval
from vimae_bench.core.errors import ResultsError
from vimae_bench.execution import PluginSpec, Training
from vimae_bench.plugin import Measure
from vimae_bench.storage.atomic import read_json, write_json

MEASURES = {"svm": Measure("svm clean", "%", "higher")}
SSE = Measure("sse", "[0,1]^2", "lower")
COUNTING = """
from vimae_bench.plugin import Measure, Metric, hookimpl

class Count(Metric):
    'Counts images.'
    version, changes = 3, ("images count from 1", "all are counted")
    def measures(self): return (Measure("count", "", None),)
    def __call__(self, evaluation): return {}

@hookimpl
def vimae_metrics(): return {"count": Count}
"""


def row(board, label: str):
    (found,) = [row for row in board.rows if row.label == label]
    return found


def state(board, label: str, measure: str = "sse"):
    return board.decisions[measure].get_state(label)


def said(board) -> str:
    return "\n".join(board.notes)


def test_rows_are_sorted_by_mean_with_incomplete_ones_last(finished):
    board = finished.board()
    assert board.rank_by == "sse"
    assert [row.label for row in board.rows] == ["AE", "VAE", "VIMAE-n", "β_H-VAE", "InfoVAE"]


def test_the_mean_and_its_interval_are_over_seeds(results):
    for seed, sse in enumerate((1.0, 2.0, 3.0)):
        results.add("VAE", seed, sse=sse)
    entry = row(results.board(), "VAE").summaries["sse"]
    assert entry.mean == 2
    assert entry.half_width == pytest.approx(2.484138)
    assert len(entry.estimates) == 3


def test_two_identical_methods_are_not_ordered(results):
    generator = np.random.default_rng(0)
    for seed in range(10):
        same = generator.normal(30, 1)
        results.add("VAE", seed, sse=same)
        results.add("VAE again", seed, sse=same)
        results.add("AE", seed, sse=same - 5 + generator.normal(0, 0.1))
    board = results.board()
    assert [state(board, label) for label in ("AE", "VAE", "VAE again")] == ["best", "worse", "worse"]
    pair = board.decisions["sse"].get_pair("VAE", "VAE again")
    assert (pair.difference, pair.outcome, pair.better) == (0, "undecided", "")


def test_methods_that_differ_by_chance_alone_are_undecided(results):
    generator = np.random.default_rng(1)
    for seed in range(10):
        for label in ("vimae_n", "vimae_n, other seeds"):
            results.add(label, seed, sse=generator.normal(30, 1))
    board = results.board()
    assert {state(board, row.label) for row in board.rows} == {"undecided"}


def test_higher_is_better_if_the_measure_says_so(finished):
    board = finished.board()
    assert [state(board, label, "svm clean") for label in ("AE", "VAE")] == ["best", "worse"]
    assert [state(board, label, "sse") for label in ("AE", "VAE")] == ["best", "worse"]


def test_a_measure_without_direction_is_shown_and_not_ranked(finished):
    board = finished.board()
    entry = row(board, "VAE").summaries["rate"]
    assert entry.mean == pytest.approx(6)
    assert entry.decision is None
    assert "rate" not in board.decisions
    assert "rate" in board.columns


@pytest.mark.parametrize("status", ["diverged", "failed", "missing"])
def test_a_row_that_lacks_a_seed_is_incomplete_and_not_comparable(results, status: str):
    for seed in range(5):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=25.0 + seed**2)
    for seed in (0, 1, 3, 4):
        results.add("InfoVAE", seed, sse=1.0)
    results.add("InfoVAE", 2, status, "the loss is nan", sse=1.0)  # measured before it was tried again
    board = results.board()
    last = board.rows[-1]
    assert last.label == "InfoVAE"
    assert not last.is_complete
    assert state(board, "InfoVAE") == "not comparable"
    assert last.summaries["sse"].decision.reason == "has 4 of 5 seeds"
    assert list(last.summaries["sse"].estimates) == [0, 1, 3, 4]
    assert (last.count_seeds("done"), last.count_seeds(status)) == (4, 1)
    assert f"InfoVAE: {status} on seed 2" in said(board)
    assert state(board, "AE") == "undecided"
    assert list(board.decisions["sse"].pairs) == [("VAE", "AE")]


def test_a_row_without_a_seed_of_the_table_is_incomplete(results):
    for seed in range(3):
        results.add("VAE", seed, sse=30.0 + seed)
    results.add("AE", 0, sse=1.0)
    board = results.board()
    assert not row(board, "AE").is_complete
    assert row(board, "AE").count_seeds("missing") == 2
    assert "AE: missing on seeds 1, 2 (not in the benchmark)" in said(board)


def test_a_metric_that_lacks_a_seed_is_not_comparable_and_the_others_are(results):
    for seed in range(5):
        for label in ("AE", "VAE", "VIMAE-n"):
            values = {"sse": 30.0 + seed, "mmd2": 0.1 * seed}
            if (label, seed) == ("AE", 1):
                del values["mmd2"]
            results.add(label, seed, **values)
    board = results.board()
    assert row(board, "AE").is_complete
    assert state(board, "AE") == "undecided"
    assert state(board, "AE", "mmd2") == "not comparable"
    assert not row(board, "AE").summaries["mmd2"].is_complete
    assert list(board.decisions["mmd2"].pairs) == [("VAE", "VIMAE-n")]


def test_a_collapsed_row_is_comparable_under_no_measure(finished):
    board = finished.board()
    collapsed = row(board, "β_H-VAE")
    assert collapsed.is_complete
    assert collapsed.collapsed_seeds == (0, 1, 2, 3, 4)
    assert collapsed.summaries["mmd2"].mean == min(r.summaries["mmd2"].mean for r in board.rows)
    assert {state(board, "β_H-VAE", name) for name in board.decisions} == {"not comparable"}
    assert not any("β_H-VAE" in pair for decision in board.decisions.values() for pair in decision.pairs)
    assert "† β_H-VAE collapsed on seeds 0, 1, 2, 3, 4 (rate below 0.1 nats): it is not comparable." in board.notes


def test_one_collapsed_seed_makes_a_row_not_comparable(results):
    for seed in range(5):
        results.add("VAE", seed, rate=0.01 if seed == 1 else 5.0, mmd2=0.01 * seed)
        results.add("AE", seed, mmd2=0.02 * seed)
        results.add("VIMAE-n", seed, mmd2=0.03 * (4 - seed))
    board = results.board()
    assert state(board, "VAE", "mmd2") == "not comparable"
    assert row(board, "VAE").summaries["mmd2"].decision.reason == "collapsed on seed 1"
    assert state(board, "AE", "mmd2") == "undecided"


def test_a_nearly_collapsed_leader_is_qualified_where_it_wins_by_that(results):
    for seed in range(5):
        for place, (label, rate, mmd2) in enumerate(
            (("β_H-VAE", 0.9, 0.001), ("VAE", 36.0, 0.02), ("VIMAE-n", 300.0, 0.03))
        ):
            jitter = (7 * seed + place) % 5
            values = {"mmd2": mmd2 + jitter * 1e-5, "sse": 25.0 + place + 0.01 * jitter}
            results.add(label, seed, rate=rate + seed / 100, **values)
    board = results.board()
    for measure, qualification in (("mmd2", "nearly collapsed (Rate 0.92 against a median of 168 nats)"), ("sse", "")):
        method = board.decisions[measure].methods["β_H-VAE"]
        assert (method.state, method.qualification) == ("best", qualification)
    assert [statement.line for statement in board.summary] == [
        "Squared error: β_H-VAE is significantly better than the other 2 methods.",
        "MMD² to N(0, I): β_H-VAE is significantly better than the other 2 methods. "
        "β_H-VAE is nearly collapsed (Rate 0.92 against a median of 168 nats), which this measure rewards.",
    ]
    note = "‡ β_H-VAE is nearly collapsed (Rate 0.92 against a median of 168 nats), which MMD² to N(0, I) rewards."
    assert note in board.notes


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_have_neither_intervals_nor_tests_and_stay_in_the_order_of_the_file(results, seeds: int):
    for seed in range(seeds):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=25.0 + seed)
    board = results.board()
    assert [row.label for row in board.rows] == ["VAE", "AE"]
    assert all(r.summaries["sse"].interval is None for r in board.rows)
    assert [state(board, label) for label in ("VAE", "AE")] == [None, None]
    assert board.decisions["sse"].pairs == {}
    assert board.summary == []
    assert "no intervals, tests or ranking; rows are in the order of the file" in said(board)


@pytest.mark.parametrize("seeds", [3, 4])
def test_three_or_four_seeds_are_tested_but_not_ranked(results, seeds: int):
    for seed in range(seeds):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=20.0 + 1.1 * seed)
    board = results.board()
    assert [row.label for row in board.rows] == ["VAE", "AE"]
    assert [state(board, label) for label in ("VAE", "AE")] == [None, None]
    assert board.decisions["sse"].get_pair("VAE", "AE").better == "AE"
    assert f"{seeds} seeds explore: differences are tested, but methods are not ranked" in said(board)
    assert [s.line for s in board.summary] == [f"Squared error: 1 of 1 pairs differ; {seeds} seeds make no ranking."]


def test_the_family_is_all_pairs_of_one_measure_whatever_else_is_shown(finished):
    every, one = finished.board(), finished.board(columns=("sse", "rate"))
    assert one.columns == ("sse", "rate")
    assert "mmd2" in one.measures
    assert list(one.decisions) == ["sse"]
    assert one.decisions["sse"].pairs == every.decisions["sse"].pairs
    assert len(every.decisions["sse"].pairs) == 3


def test_methods_that_are_not_shown_take_part_in_the_decisions(finished):
    loaded = finished.store.load_results(finished.entries)
    (every,), (one,) = build_leaderboards(loaded), build_leaderboards(loaded, labels=("VAE",))
    assert [row.label for row in one.rows] == ["VAE"]
    assert one.decisions == every.decisions
    assert row(one, "VAE").summaries == row(every, "VAE").summaries
    assert "4 other methods of the benchmark not shown; decisions are over all with results." in one.notes
    assert not any("InfoVAE" in note for note in one.notes)


def test_the_sorting_measure_is_shown_and_tested(finished):
    board = finished.board(rank_by="mmd2", columns=("sse",))
    assert board.columns == ("sse", "mmd2")
    assert board.rank_by == "mmd2"
    assert list(board.decisions) == ["sse", "mmd2"]


def test_hidden_measures_are_shown_where_they_are_asked_for(results):
    hidden = Measure("twin", "", "lower", is_hidden=True)
    for seed in range(5):
        for label in ("AE", "VAE"):
            results.measure(results.add(label, seed, sse=30.0 + seed), "rate", hidden, 1.0 + seed)
    assert results.board().columns == ("sse",)
    assert results.board(columns=("twin",)).columns == ("twin",)
    assert results.board(rank_by="twin").columns == ("sse", "twin")


def test_an_unknown_column_is_reported_with_a_suggestion(finished):
    board = finished.board(rank_by="mmd", columns=("sse",))
    assert board.rank_by == "sse"
    assert "No measure in these results is called 'mmd'; did you mean 'mmd2'?" in board.notes


def test_a_column_of_another_table_is_not_unknown(results):
    """A file of several groups names the columns of all of them."""
    results.add("VAE", 0, sse=1.0)
    run = results.add("VAE", 0, sse=1.0)
    twin = results.entries[1]
    results.entries[1] = replace(twin, run=replace(twin.run, latent=8))
    folder = results.store.run_folder(results.entries[1].run)
    folder.write_spec(results.entries[1].run)
    write_json(folder.record, {**read_json(run.record), "key": results.entries[1].run.key})
    results.measure(folder, "aggregate_mmd", Measure("mmd2", "", "lower", rewards_collapse=True), 0.1)
    first, second = results.boards(columns=("sse", "mmd2", "sze"))
    assert (first.columns, second.columns) == (("sse",), ("mmd2",))
    for board in (first, second):
        assert [note for note in board.notes if note.startswith("No measure")] == [
            "No measure in these results is called 'sze'; did you mean 'sse'?"
        ]


def test_titles_show_settings_in_which_tables_differ(results):
    results.add("VAE", 0, sse=1.0)
    (entry,) = results.entries
    results.entries.append(
        replace(entry, run=replace(entry.run, training=replace(entry.run.training, schedule="wae_steps")))
    )
    assert [board.title for board in results.boards()] == [
        "mnist, mlp, d = 2, 80 epochs, schedule=constant",
        "mnist, mlp, d = 2, 80 epochs, schedule=wae_steps",
    ]


def test_baselines_are_shown_with_the_methods(finished):
    baselines = finished.board().baselines
    assert {label: row["svm clean"].value for label, row in baselines.items()} == {"raw pixels": 88, "PCA, d = 2": 41}


def test_one_table_for_each_data_set_architecture_latent_size_and_training(results):
    results.add("VAE", 0, sse=1.0)
    (entry,) = results.entries
    others = [
        replace(entry.run, dataset=PluginSpec("digits")),
        replace(entry.run, architecture=PluginSpec("mlp", {"width": 64})),
        replace(entry.run, latent=8),
        replace(entry.run, training=replace(entry.run.training, epochs=5)),
    ]
    results.entries += [replace(entry, run=run) for run in others]
    assert [board.title for board in results.boards()] == [
        "mnist, mlp width=256, d = 2, 80 epochs",
        "digits, mlp width=256, d = 2, 80 epochs",
        "mnist, mlp width=64, d = 2, 80 epochs",
        "mnist, mlp width=256, d = 8, 80 epochs",
        "mnist, mlp width=256, d = 2, 5 epochs",
    ]


def test_two_runs_of_one_method_and_seed_are_an_error(results):
    results.add("VAE", 0, sse=1.0)
    results.entries *= 2
    with pytest.raises(ResultsError, match="second run of 'VAE' with the same seed"):
        results.board()


def test_different_data_are_flagged(results):
    for seed in range(2):
        folder = results.add("VAE", seed, sse=30.0 + seed)
    write_json(folder.record, {**read_json(folder.record), "data": {"test_x": "b1"}})
    assert "The runs used different data (test_x): they cannot be compared." in results.board().notes


def test_mixed_versions_are_flagged(results):
    for seed in range(3):
        folder = results.add("VAE", seed, sse=30.0 + seed)
    record = read_json(folder.record)
    write_json(folder.record, {**record, "made_by": {**record["made_by"], "torch": "2.14", "plugins": {"swae": "1"}}})
    notes = results.board().notes
    assert "Runs come from 2 versions of torch: 2.15 (2 runs), 2.14 (1 run)." in notes
    assert "Runs come from 2 versions of swae: none (2 runs), 1 (1 run)." in notes


def test_equal_runs_have_no_warnings(finished):
    assert "Runs come from" not in said(finished.board())
    assert "same data" not in said(finished.board())


def test_a_measure_defined_in_two_ways_is_not_ranked(results):
    for seed in range(2):
        for label in ("AE", "VAE"):
            unit = "[0,1]^2" if label == "AE" else "[-1,1]^2"
            measure = Measure("sse", unit, "lower")
            results.measure(results.add(label, seed), "reconstruction", measure, 30.0 + seed)
    board = results.board()
    assert board.rank_by is None
    assert "sse has several definitions among these runs and is not ranked." in board.notes


def test_a_measure_of_an_older_version_is_shown_and_marked(results):
    for seed in range(2):
        for label in ("AE", "VAE"):
            results.measure(results.add(label, seed, rate=1.0), "reconstruction", SSE, 30.0 + seed, older=1)
    board = results.board()
    assert [row.summaries["sse"].mean for row in board.rows] == [30.5, 30.5]
    assert {name: measure.label for name, measure in board.measures.items()} == {
        "sse": "Squared error °",
        "rate": "Rate",
    }
    assert board.rank_by == "sse", "all rows are of the same version, which can be ranked"
    assert "° sse: measured by version 0 of reconstruction; its version is 1 now." in board.notes


def test_measures_of_two_versions_are_marked_and_not_ranked(results):
    for seed in range(2):
        results.measure(results.add("AE", seed), "reconstruction", SSE, 30.0 + seed, older=1)
        results.add("VAE", seed, sse=20.0 + seed)
    board = results.board()
    assert (board.rank_by, board.measures["sse"].label) == (None, "Squared error °")
    assert "sse has several definitions among these runs and is not ranked." in board.notes
    assert "° sse: measured by version 0 of reconstruction in 2 of 4 runs; its version is 1 now." in board.notes


def test_what_has_changed_since_an_older_version_is_said(results, install):
    install("counting", COUNTING)
    metric = PluginSpec("count", {}, 3)
    for version, label in ((1, "AE"), (2, "VAE")):
        folder = results.add(label, 0)
        entry = results.entries.pop()
        results.entries.append(replace(entry, metrics=(metric,)))
        older = PluginSpec("count", {}, version)
        head = {"metric": older.as_json(), "measures": [asdict(Measure("count", "", None))], "seconds": 0.1}
        write_json(folder.metric_path(older), {**head, "estimates": {"count": {"value": 3.0, "n": 1}}})
    notes = results.board().notes
    since = "in 1 of 2 runs; its version is 3 now"
    assert f"° count: measured by version 1 of count {since}: images count from 1; all are counted." in notes
    assert f"° count: measured by version 2 of count {since}: all are counted." in notes


def test_damaged_files_are_reported_below_the_table(finished):
    folder = finished.store.run_folder(finished.entries[0].run)
    folder.metric_path(PluginSpec("reconstruction")).write_text("{")
    board = finished.board()
    assert str(folder.metric_path(PluginSpec("reconstruction"))) in said(board)
    assert state(board, "AE") == "not comparable"


def test_a_benchmark_without_results_has_rows_but_no_columns(results):
    results.add("VAE", 0, "missing")
    board = results.board(rank_by="sse")
    assert [r.count_seeds("missing") for r in board.rows] == [1]
    assert board.columns == ()
    assert build_leaderboards([]) == []


def test_a_control_is_paired_with_its_method_and_the_difference_reported(results):
    generator = np.random.default_rng(2)
    for seed in range(5):
        common = generator.normal(30, 5)
        results.add("VIMAE-n", seed, sse=common + 0.1 * seed)
        results.add("again", 1000 + seed, sse=common)
        results.entries[-1] = replace(results.entries[-1], paired_seed=seed, control_of="VIMAE-n")
    board = results.board()
    assert board.seeds == (0, 1, 2, 3, 4)
    assert row(board, "again").is_complete
    assert len(row(board, "again").summaries["sse"].estimates) == 5
    # Differences 0 to 0.4 in steps of 0.1: mean 0.2, sd 0.158, t(4) = 2.776
    assert (
        "A/A control, in no test: VIMAE-n minus again (the same method from other seeds), 95 % intervals: "
        "sse [0.0037, 0.4]."
    ) in board.notes


def test_a_control_follows_its_method_and_is_no_competitor(results):
    generator = np.random.default_rng(2)
    for seed in range(5):
        common = generator.normal(30, 1)
        for label, lead in (("AE", 0.0), ("VIMAE-n", 5.0), ("VAE", 6.0)):
            results.add(label, seed, sse=common + lead + generator.normal(0, 0.01))
        results.add("again", 1000 + seed, sse=common - 10)
        results.entries[-1] = replace(results.entries[-1], paired_seed=seed, control_of="VIMAE-n")
    board = results.board()
    assert [r.label for r in board.rows] == ["AE", "VIMAE-n", "again", "VAE"]
    assert board.decisions["sse"].methods.keys() == {"AE", "VIMAE-n", "VAE"}
    assert row(board, "again").summaries["sse"].decision is None
    assert state(board, "AE") == "best"


def test_a_leaderboard_without_a_control_does_not_mention_one(finished):
    assert "A/A" not in said(finished.board())


def with_parts(results, label: str, table, value=None) -> None:
    for seed, parts in enumerate(table):
        folder = results.add(label, seed)
        results.measure(folder, "svm", MEASURES["svm"], float(np.mean(parts)) if value is None else value)
        raw = read_json(folder.metric_path(PluginSpec("svm")))
        raw["estimates"]["svm clean"]["parts"] = list(parts)
        write_json(folder.metric_path(PluginSpec("svm")), raw)


def test_draws_that_all_seeds_share_widen_the_interval(results):
    table = np.random.default_rng(3).normal(80, 1, (10, 12)) + 5 * np.arange(12)
    with_parts(results, "VAE", table)
    board = results.board()
    entry = row(board, "VAE").summaries["svm clean"]
    assert entry.interval == confidence_interval(table.mean(1), table)
    assert entry.half_width > 5  # over seeds alone it is a tenth of that
    assert entry.covers == "seeds and draws"


@pytest.mark.parametrize("harm", ["none", "ragged", "not the mean"])
def test_draws_that_are_not_shared_do_not_count(results, harm: str):
    table = [list(parts) for parts in np.random.default_rng(4).normal(80, 1, (10, 12))]
    if harm == "none":
        table[3] = [table[3][0]]
    if harm == "ragged":
        table[3] = table[3][:11]
    with_parts(results, "VAE", table, value=70.0 if harm == "not the mean" else None)
    board = results.board()
    entry = row(board, "VAE").summaries["svm clean"]
    assert entry.interval == confidence_interval([e.value for e in entry.estimates.values()])
    assert entry.covers == "seeds"


def test_a_difference_is_taken_draw_by_draw(results):
    generator = np.random.default_rng(5)
    shared = 5 * np.arange(12.0)  # what a draw does to both methods
    a, b = (generator.normal(80, 1, (10, 12)) + shared for _ in range(2))
    with_parts(results, "A", a)
    with_parts(results, "B", b)
    decision = results.board().decisions["svm clean"]
    assert decision.draws == 12
    low, high = decision.get_pair("A", "B").interval
    assert high - low < 4  # over the draws of one method, it is above 20


def test_rows_with_their_own_training_settings_are_in_the_same_table(results):
    for seed in range(3):
        results.add("AE", seed, sse=1.0)
        results.add("VAE", seed, sse=2.0)
    apart = [
        replace(entry, run=replace(entry.run, training=Training(learning_rate=0.5)), table_training=entry.run.training)
        if entry.label == "VAE"
        else entry
        for entry in results.entries
    ]
    run_results = [
        replace(result, entry=entry)
        for result, entry in zip(results.store.load_results(results.entries), apart, strict=True)
    ]
    (board,) = build_leaderboards(run_results)
    assert [row.label for row in board.rows] == ["AE", "VAE"]
    assert board.training == Training()
    assert "VAE has its own training settings: learning_rate = 0.5." in board.notes
    assert not any("AE has" in note and "VAE" not in note for note in board.notes)


def test_provenance_is_the_first_note_of_every_table(results):
    results.add("AE", 0, sse=1.0)
    boards = build_leaderboards(results.store.load_results(results.entries), provenance="Tuned.")
    assert [board.notes[0] for board in boards] == ["Tuned."]


def test_own_training_settings_are_saved_and_read_back(results):
    results.add("AE", 0, sse=1.0)
    (entry,) = results.entries
    own = replace(entry, run=replace(entry.run, training=Training(batch=50)), table_training=Training())
    results.store.write_benchmark("x", "", {"provenance": "Tuned."}, [entry, own])
    kept = results.store.read_benchmark()
    assert kept.entries == (entry, own)
    assert kept.leaderboard["provenance"] == "Tuned."
