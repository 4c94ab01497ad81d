"""The simulation of decisions: what it draws, what it counts, and what its page says."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.decisions import command
from benchmarks.decisions.checks import (
    check_false_differences,
    check_false_equivalence,
    check_means,
    check_pairs,
    check_power,
    check_predictions,
    list_checks,
)
from benchmarks.decisions.draws import DISTRIBUTIONS, GRID, SPREADS, draw_values, make_generator, split_tables
from benchmarks.decisions.seeds import SITUATIONS, check_seeds_needed, forecast_truth
from benchmarks.decisions.shares import Cell, Share, count_share, format_tables, list_failures

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "decisions.md"


def list_titles(text: str) -> list[str]:
    """The first cell of each table and row."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]


# What is drawn


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_values_have_mean_0_and_the_standard_deviations_that_a_row_names(distribution: str):
    values = DISTRIBUTIONS[distribution](np.random.default_rng(0), (400_000,))
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.std() == pytest.approx(1, abs=0.01)
    made = draw_values(np.random.default_rng(0), distribution, SPREADS["1 to 3"], 4000, 20)
    own = np.sqrt((made - made[:, :1]).var((0, 2))[1:] - 1)
    assert own == pytest.approx(SPREADS["1 to 3"][1:], rel=0.05)


@pytest.mark.parametrize("components", GRID)
def test_effects_of_seeds_draws_and_cells_have_their_sizes(components):
    values = components.draw_values(np.random.default_rng(0), (20_000,), 4, 5)
    assert values.std() == pytest.approx(components.total, rel=0.02)
    seeds, draws = values.mean(2).var(1, ddof=1).mean(), values.mean(1).var(1, ddof=1).mean()
    assert seeds == pytest.approx(components.seed**2 + components.cell**2 / 5, rel=0.03, abs=1e-9)
    assert draws == pytest.approx(components.draw**2 + components.cell**2 / 4, rel=0.03, abs=1e-9)


def test_generators_depend_on_their_names_alone_and_no_table_is_left_out():
    one, same, other = (make_generator(*names).random() for names in (("a", 1), ("a", 1), ("a", 2)))
    assert one == same != other
    assert list(split_tables(600)) == [250, 250, 100]


def test_situations_are_forecast_with_their_own_means_and_variances():
    situation = SITUATIONS["two methods, 0.7"]
    (forecast,) = forecast_truth(situation)
    assert forecast.contrasts.means == pytest.approx([0.7])
    assert forecast.contrasts.parts.between.value == pytest.approx([2.0])


# What is counted


def test_shares_have_the_error_of_independent_tables():
    hits = np.array([True, False, False, False])
    assert count_share(hits) == Share(0.25, pytest.approx(np.sqrt(0.25 * 0.75 / 4)))
    assert count_share(np.repeat(hits[:, None], 9, axis=1)) == Share(0.25, pytest.approx(np.sqrt(0.25 * 0.75 / 4)))


def test_shares_beyond_their_limits_are_bold_and_listed():
    cells = [
        Cell("Power", "normal", "3 seeds", (Share(0.5, 0.01, least=0.9),)),
        Cell("Power", "normal", "5 seeds", (Share(0.89, 0.01, least=0.9), Share(1.0, 0.0))),
        Cell("Seeds", "one", "number", text="14"),
    ]
    assert format_tables(cells) == (
        "| Power | 3 seeds | 5 seeds |\n| --- | --- | --- |\n| normal | **50.0** | 89.0 to 100.0 |\n\n"
        "| Seeds | number |\n| --- | --- |\n| one | 14 |"
    )
    assert list(list_failures(cells)) == ["Power, normal, 3 seeds: 50.0 %"]


# What decisions promise


@pytest.mark.medium
def test_decisions_keep_their_main_promises():
    cells = [
        *check_false_differences("normal", "equal", 5, 1000),
        *check_false_differences("normal", "1 to 3", 5, 1000),
        *check_false_differences("bimodal", "1 to 3", 5, 1000),
        *check_false_equivalence("normal", "equal", 20, 1000),
        *check_power("normal", 5, 500),
        *check_means(5, 5, 200),
        *check_pairs(5, 5, 300),
        *check_predictions(5, 5, 300),
        *check_seeds_needed("one method 1.5 better", 500),
    ]
    assert list(list_failures(cells)) == []


@pytest.mark.medium
def test_the_page_has_the_tables_that_the_script_prints():
    cells = [cell for check in list_checks() for cell in check(20)]
    _, mark, text = PAGE.read_text(encoding="utf-8").partition(command.MARK)
    assert mark
    assert list_titles(text) == list_titles(format_tables(cells))
    assert re.match(r"\s*4,000 tables for each number, 20\d\d-", text)


@pytest.mark.slow
def test_the_script_finds_what_its_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With fewer tables; a number on the page that misses its limit may miss it here too."""
    page = tmp_path / "decisions.md"
    head = PAGE.read_text(encoding="utf-8").partition(command.MARK)[0]
    page.write_text(head, encoding="utf-8")
    monkeypatch.setattr(command, "PAGE", page)
    done = CliRunner().invoke(command.main, ["--tables", "400", "--write"], catch_exceptions=False)
    written = page.read_text(encoding="utf-8")
    assert written.startswith(f"{head}{command.MARK}\n\n400 tables")
    missed = re.findall(r"beyond its limit: (.*): .*", done.stderr)
    assert len(missed) <= 12
    assert list_titles(written) == list_titles(PAGE.read_text(encoding="utf-8"))
