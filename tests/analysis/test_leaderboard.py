"""What a leaderboard ranks, what it does not, and what it says about itself."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from vimae_bench.analysis.comparison import compare_methods
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.statistics import confidence_interval, crossed_interval
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


def test_two_identical_methods_share_rank_and_letters(results):
    generator = np.random.default_rng(0)
    for seed in range(10):
        same = generator.normal(30, 1)
        results.add("VAE", seed, sse=same)
        results.add("VAE again", seed, sse=same)
        results.add("AE", seed, sse=same - 5 + generator.normal(0, 0.1))
    board = results.board()
    places = {r.label: r.summaries["sse"].shared_rank for r in board.rows}
    assert places["VAE"] == places["VAE again"]
    assert (places["AE"].rank, places["AE"].letters, places["AE"].is_best) == (1, "a", True)
    assert (places["VAE"].rank, places["VAE"].letters, places["VAE"].is_best) == (2, "b", False)
    assert places["AE"].interval == (1, 1)
    assert board.test == "sign-flip test"


def test_methods_that_differ_by_chance_alone_share_a_group(results):
    generator = np.random.default_rng(1)
    for seed in range(10):
        for label in ("vimae_n", "vimae_n, other seeds"):
            results.add(label, seed, sse=generator.normal(30, 1))
    assert {r.summaries["sse"].shared_rank.letters for r in results.board().rows} == {"a"}


def test_all_methods_of_the_best_group_are_marked(finished):
    board = finished.board(rank_by="mmd2")
    assert [r.label for r in board.rows if (p := r.summaries["mmd2"].shared_rank) and p.is_best] == [
        "AE",
        "VAE",
        "VIMAE-n",
    ]


def test_higher_is_better_if_the_measure_says_so(finished):
    places = {
        r.label: r.summaries["svm clean"].shared_rank for r in finished.board().rows if "svm clean" in r.summaries
    }
    assert places["AE"].rank == 1
    assert places["β_H-VAE"].rank == 4


def test_a_measure_without_direction_is_shown_and_not_ranked(finished):
    board = finished.board()
    entry = row(board, "VAE").summaries["rate"]
    assert entry.mean == pytest.approx(6)
    assert entry.shared_rank is None
    assert "rate" in board.columns


@pytest.mark.parametrize("status", ["diverged", "failed", "missing"])
def test_a_row_that_lacks_a_seed_is_incomplete_and_not_ranked(results, status: str):
    for seed in range(3):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=25.0 + seed**2)
    results.add("InfoVAE", 0, sse=1.0)
    results.add("InfoVAE", 1, sse=1.0)
    results.add("InfoVAE", 2, status, "the loss is nan", sse=1.0)  # measured before it was tried again
    board = results.board()
    last = board.rows[-1]
    assert last.label == "InfoVAE"
    assert not last.is_complete
    assert last.summaries["sse"].shared_rank is None
    assert list(last.summaries["sse"].estimates) == [0, 1]
    assert (last.count_seeds("done"), last.count_seeds(status)) == (2, 1)
    assert f"InfoVAE: {status} on seed 2" in said(board)
    assert row(board, "AE").summaries["sse"].shared_rank is not None


def test_a_row_without_a_seed_of_the_table_is_incomplete(results):
    for seed in range(3):
        results.add("VAE", seed, sse=30.0 + seed)
    results.add("AE", 0, sse=1.0)
    board = results.board()
    assert not row(board, "AE").is_complete
    assert row(board, "AE").count_seeds("missing") == 2
    assert "AE: missing on seeds 1, 2 (not in the benchmark)" in said(board)


def test_a_metric_that_lacks_a_seed_is_not_ranked_and_the_others_are(results):
    for seed in range(3):
        for label in ("AE", "VAE", "VIMAE-n"):
            values = {"sse": 30.0 + seed, "mmd2": 0.1 * seed}
            if (label, seed) == ("AE", 1):
                del values["mmd2"]
            results.add(label, seed, **values)
    board = results.board()
    assert row(board, "AE").is_complete
    assert row(board, "AE").summaries["sse"].shared_rank is not None
    assert row(board, "AE").summaries["mmd2"].shared_rank is None
    assert not row(board, "AE").summaries["mmd2"].is_complete
    assert row(board, "VAE").summaries["mmd2"].shared_rank is not None


def test_a_collapsed_row_is_flagged_and_not_ranked_by_measures_that_reward_collapse(finished):
    board = finished.board()
    collapsed = row(board, "β_H-VAE")
    assert collapsed.is_complete
    assert collapsed.collapsed_seeds == (0, 1, 2, 3, 4)
    assert collapsed.summaries["mmd2"].shared_rank is None
    assert collapsed.summaries["mmd2"].mean == min(r.summaries["mmd2"].mean for r in board.rows)
    assert collapsed.summaries["sse"].shared_rank.rank == 4
    assert "† β_H-VAE collapsed on seeds 0, 1, 2, 3, 4 (rate below 0.1 nats); not ranked by mmd2." in board.notes


def test_one_collapsed_seed_excludes_the_row_from_such_a_ranking(results):
    for seed in range(3):
        results.add("VAE", seed, rate=0.01 if seed == 1 else 5.0, mmd2=0.01 * seed)
        results.add("AE", seed, mmd2=0.02 * seed)
        results.add("VIMAE-n", seed, mmd2=0.03 * seed)
    board = results.board()
    assert row(board, "VAE").summaries["mmd2"].shared_rank is None
    assert row(board, "AE").summaries["mmd2"].shared_rank is not None


def test_one_seed_gives_an_order_without_intervals_or_ranks(results):
    for label, sse in (("VAE", 30.0), ("AE", 25.0)):
        results.add(label, 0, sse=sse)
    board = results.board()
    assert [row.label for row in board.rows] == ["AE", "VAE"]
    assert all(r.summaries["sse"].interval is None and r.summaries["sse"].shared_rank is None for r in board.rows)
    assert board.test == ""
    assert "One seed: no intervals, tests or ranks" in said(board)


def test_three_seeds_are_reported_as_too_few(results):
    for seed in range(3):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=29.0 + 1.5 * seed)
    board = results.board()
    assert "3 seeds are too few for a ranking to be quoted" in said(board)
    assert "paired t test over 3 seeds, Holm-adjusted over 1 comparison," in said(board)
    assert "a sign-flip test cannot reach 5 %" in said(board)
    assert all(r.summaries["sse"].shared_rank.interval is None for r in board.rows)


def test_three_equal_differences_are_not_significant(results):
    for seed in range(3):
        results.add("VAE", seed, **{"svm clean": 90.0 + seed})
        results.add("AE", seed, **{"svm clean": 91.0 + seed})
    assert {r.summaries["svm clean"].shared_rank.rank for r in results.board().rows} == {1}


def test_only_the_columns_shown_are_tested(finished):
    assert finished.board().comparisons == 6 + 3 + 6
    board = finished.board(columns=("sse", "rate"))
    assert board.columns == ("sse", "rate")
    assert board.comparisons == 6
    assert "mmd2" in board.measures
    assert row(board, "AE").summaries["mmd2"].shared_rank is None


def test_the_sorting_measure_is_shown_and_tested(finished):
    board = finished.board(rank_by="mmd2", columns=("sse",))
    assert board.columns == ("sse", "mmd2")
    assert board.rank_by == "mmd2"


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
    results.measure(folder, "aggregate_mmd", Measure("mmd2", "", "lower", ranks_collapsed=False), 0.1)
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
    assert "Mixed torch: 2.15 (2 runs), 2.14 (1 run)." in notes
    assert "Mixed swae: none (2 runs), 1 (1 run)." in notes


def test_equal_runs_have_no_warnings(finished):
    assert "Mixed" not in said(finished.board())
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
    assert {name: measure.label for name, measure in board.measures.items()} == {"sse": "sse ‡", "rate": "rate"}
    assert board.rank_by == "sse", "all rows are of the same version, which can be ranked"
    assert "‡ sse: measured by version 0 of reconstruction; its version is 1 now." in board.notes


def test_measures_of_two_versions_are_marked_and_not_ranked(results):
    for seed in range(2):
        results.measure(results.add("AE", seed), "reconstruction", SSE, 30.0 + seed, older=1)
        results.add("VAE", seed, sse=20.0 + seed)
    board = results.board()
    assert (board.rank_by, board.measures["sse"].label) == (None, "sse ‡")
    assert "sse has several definitions among these runs and is not ranked." in board.notes
    assert "‡ sse: measured by version 0 of reconstruction in 2 of 4 runs; its version is 1 now." in board.notes


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
    assert f"‡ count: measured by version 1 of count {since}: images count from 1; all are counted." in notes
    assert f"‡ count: measured by version 2 of count {since}: all are counted." in notes


def test_damaged_files_are_reported_below_the_table(finished):
    folder = finished.store.run_folder(finished.entries[0].run)
    folder.metric_path(PluginSpec("reconstruction")).write_text("{")
    board = finished.board()
    assert str(folder.metric_path(PluginSpec("reconstruction"))) in said(board)
    assert row(board, "AE").summaries["sse"].shared_rank is None


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
        "A/A control, VIMAE-n minus again (the same method from other seeds), 95 % intervals: sse [0.0037, 0.4]. "
        "A claimed effect must exceed these."
    ) in board.notes


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
    assert entry.interval == crossed_interval(table)
    assert entry.half_width > 5  # over seeds alone it is a tenth of that
    assert "over seeds and draws" in said(board)


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
    assert "draws" not in said(board)


def test_a_difference_is_taken_draw_by_draw(results):
    generator = np.random.default_rng(5)
    shared = 5 * np.arange(12.0)  # what a draw does to both methods
    a, b = (generator.normal(80, 1, (10, 12)) + shared for _ in range(2))
    with_parts(results, "A", a)
    with_parts(results, "B", b)
    (table,) = compare_methods(results.store.load_results(results.entries), "A", "B")
    assert table.rows[0].interval == pytest.approx(crossed_interval(a - b))
    assert table.rows[0].interval[1] < 2


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
