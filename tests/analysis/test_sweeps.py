"""Which methods make a curve, and the weight that lines of equal ELBO need."""

from dataclasses import replace

import pytest

from vimae_bench.analysis.leaderboard_data import Leaderboard
from vimae_bench.analysis.sweeps import find_error_weight, find_sweeps
from vimae_bench.execution import PluginSpec
from vimae_bench.reports.plot_style import assign_styles
from vimae_bench.reports.rate_distortion import describe_rate_distortion, draw_rate_distortion


def make_board(
    results, objectives: dict[str, dict[str, object]], dataset: dict[str, object] | None = None
) -> Leaderboard:
    """A table in which each method has these settings of its objective."""
    for place, label in enumerate(objectives):
        results.add(label, 0, sse=20.0 + place, rate=10.0 - place)
    board = results.board()
    rows = []
    for row in board.rows:
        (result,) = row.run_results.values()
        run = replace(result.entry.run, objective=PluginSpec("elbo", objectives[row.label]))
        rows.append(replace(row, run_results={0: replace(result, entry=replace(result.entry, run=run))}))
    return replace(board, rows=tuple(rows), dataset=PluginSpec("mnist", dataset or {}))


def test_methods_that_differ_in_one_number_make_a_curve(results):
    betas = {f"β = {beta:g}": {"beta": beta, "recon_scale": 1.0} for beta in (4.0, 0.5, 1.0)}
    board = make_board(results, {**betas, "other": {"beta": 1.0, "recon_scale": 2.0}})
    (sweep,) = find_sweeps(board)
    assert sweep.setting == "beta"
    assert dict(sweep.labels) == {0.5: "β = 0.5", 1.0: "β = 1", 4.0: "β = 4"}
    assert sweep.name == "β = 0.5 to 4"


def test_a_curve_is_named_by_its_setting_where_labels_do_not_say_it(results):
    labels = {"weak": 0.1, "VAE": 1.0, "strong": 10.0}
    (sweep,) = find_sweeps(make_board(results, {label: {"beta": beta} for label, beta in labels.items()}))
    assert sweep.name == "weak to strong, beta 0.1 to 10"


@pytest.mark.parametrize(
    "settings",
    [
        [{"beta": 1.0}, {"beta": 2.0}],
        [{"beta": 1.0, "c": 1}, {"beta": 2.0, "c": 2}, {"beta": 3.0, "c": 3}],
        [{"kernel": "a"}, {"kernel": "b"}, {"kernel": "c"}],
        [{"on": True}, {"on": False}, {"on": True}],
    ],
)
def test_other_methods_make_none(results, settings: list[dict[str, object]]):
    assert find_sweeps(make_board(results, {f"m{i}": one for i, one in enumerate(settings)})) == []


@pytest.mark.parametrize(
    ("scales", "pixel_range", "weight"),
    [((2.0, 2.0), "unit", 2.0), ((2.0, 2.0), "sym", 8.0), ((2.0, 1.0), "unit", None), ((2.0, 2.0), "other", None)],
)
def test_weight_of_the_squared_error_is_that_of_all_objectives(results, scales, pixel_range: str, weight: float | None):
    """Of pixels in [-1, 1] the squared error is four times that in [0, 1]."""
    objectives = {f"m{i}": {"recon_scale": scale} for i, scale in enumerate(scales)}
    assert find_error_weight(make_board(results, objectives, {"pixel_range": pixel_range})) == weight


def test_lines_of_equal_elbo_have_the_same_rate_plus_weighted_distortion(results):
    objectives = {f"β = {beta:g}": {"beta": beta, "recon_scale": 0.5} for beta in (0.5, 1.0, 4.0)}
    board = make_board(results, objectives, {"pixel_range": "unit"})
    assert "equal ELBO" not in describe_rate_distortion(board)  # the error is that of decoded means
    board = replace(
        board, measures=board.measures | {"sse": replace(board.measures["sse"], family="sampled distortion")}
    )
    assert "rate + 0.5 * distortion" in describe_rate_distortion(board)
    (axes,) = draw_rate_distortion(board, assign_styles(objectives)).axes
    dotted = [line.get_xydata() for line in axes.lines if line.is_dashed()]
    values = [line[:, 0] + 0.5 * line[:, 1] for line in dotted]
    assert len(values) >= 3
    assert all(value.max() - value.min() < 1e-9 for value in values)
    shown = [text.get_text() for text in axes.texts]
    assert {"0.5", "1", "4"} <= {*shown}
    assert all(f"{round(float(value[0]), 6):g}" in shown for value in values)
