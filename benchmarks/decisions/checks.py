"""What decisions and intervals promise, each on simulated tables of six methods with known truth."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np

from vimae_bench.analysis.decision import MeasureValues, decide_measure
from vimae_bench.analysis.statistics import (
    ALPHA,
    Array,
    Contrasts,
    adjust_holm,
    compare_pairs,
    compare_with_values,
    make_contrasts,
    prediction_interval,
)
from vimae_bench.core.results import Measure

from .draws import (
    DISTRIBUTIONS,
    GRID,
    METHODS,
    SEEDS_ONLY,
    SPREADS,
    Components,
    draw_values,
    make_generator,
    split_tables,
)
from .seeds import SITUATIONS, check_seeds_needed
from .shares import Cell, Flags, Share, count_share

SEEDS = (3, 5, 8, 10, 20)
DRAWS, PREDICTED_DRAWS = (3, 5, 10, 30), (5, 30)
USUAL = ("equal", "1 to 3")
"""Spreads for which the tests should keep their error rates; others are marked."""

FIRST, SECOND = np.triu_indices(METHODS, 1)
LEAST_COVERAGE, MOST_COVERAGE = 0.93, 0.97
MEASURE = Measure("accuracy", "%", "higher")

Check = Callable[[int], Iterator[Cell]]
"""Gives its cells from a number of tables."""


def list_checks() -> list[Check]:
    """All checks, in the order of the tables."""
    return [
        *(partial(check_false_differences, *case) for case in product(DISTRIBUTIONS, SPREADS, SEEDS)),
        *(partial(check_baselines, *case) for case in product(DISTRIBUTIONS, USUAL, SEEDS)),
        *(partial(check_false_equivalence, *case) for case in product(DISTRIBUTIONS, USUAL, SEEDS)),
        *(partial(check_power, *case) for case in product(DISTRIBUTIONS, SEEDS)),
        *(partial(check_seeds_needed, name) for name in SITUATIONS),
        *(partial(check_means, *case) for case in product((0, *DRAWS), SEEDS)),
        *(partial(check_pairs, *case) for case in product((0, *DRAWS), SEEDS)),
        *(partial(check_predictions, *case) for case in product(PREDICTED_DRAWS, SEEDS)),
    ]


def check_false_differences(distribution: str, spread: str, seeds: int, tables: int) -> Iterator[Cell]:
    """Tables of equal methods in which some pair is called different."""
    generator = make_generator("differences", distribution, spread, seeds)
    values = draw_values(generator, distribution, SPREADS[spread], tables, seeds)
    contrasts = compare_pairs(values)
    false = _find_tables_with_difference(contrasts)
    row, column = f"{distribution}; {spread}", f"{seeds} seeds"
    yield Cell("False differences", row, column, (count_share(false, most=_most_false(distribution, spread)),))
    covered = np.abs(contrasts.means) < contrasts.half_widths()
    by_pair = [count_share(pair) for pair in covered.T]
    lowest = min(by_pair, key=_get_value)
    yield Cell("Intervals of pairs: the least covered pair, and all", row, column, (lowest, count_share(covered)))
    marked = np.array([_is_marked(table) for table in values[: tables // 20]])
    yield Cell("Tables with a mark of unusual spread", row, column, (count_share(marked),))


def _find_tables_with_difference(contrasts: Contrasts) -> Flags:
    return np.any(adjust_holm(contrasts.p_values()) < ALPHA, axis=1)


def _most_false(distribution: str, spread: str) -> float:
    if spread not in USUAL:
        return 1.0
    return 0.05 if spread == "equal" else 0.07 if distribution == "normal" else 0.1


def _is_marked(values: Array) -> bool:
    """Whether some method is marked as of unusual spread."""
    labels = tuple(f"method {i}" for i in range(len(values)))
    decision = decide_measure(MeasureValues(MEASURE, labels, tuple(range(values.shape[1])), values))
    return any(method.has_unusual_spread for method in decision.methods.values())


def check_baselines(distribution: str, spread: str, seeds: int, tables: int) -> Iterator[Cell]:
    """Tables in which some method is said to differ from a baseline of the same value."""
    generator = make_generator("baselines", distribution, spread, seeds)
    values = draw_values(generator, distribution, SPREADS[spread], tables, seeds)
    contrasts = compare_with_values(values, np.zeros(METHODS))
    false = _find_tables_with_difference(contrasts)
    share = count_share(false, most=_most_false(distribution, spread))
    yield Cell("False differences from a baseline", f"{distribution}; {spread}", f"{seeds} seeds", (share,))


def check_false_equivalence(distribution: str, spread: str, seeds: int, tables: int) -> Iterator[Cell]:
    """Tables in which a pair that differs by exactly the margin is called equivalent; every second method differs."""
    margin, shifts = 3.0, np.arange(METHODS) % 2
    generator = make_generator("equivalence", distribution, spread, seeds)
    values = draw_values(generator, distribution, SPREADS[spread], tables, seeds)
    contrasts = compare_pairs(values + margin * shifts[:, None])
    equivalent = adjust_holm(contrasts.within_p_values(margin)) < ALPHA
    false = np.any(equivalent & (shifts[FIRST] != shifts[SECOND]), axis=1)
    share = count_share(false, most=ALPHA)
    yield Cell("False equivalence", f"{distribution}; {spread}", f"{seeds} seeds", (share,))


def check_power(distribution: str, seeds: int, tables: int) -> Iterator[Cell]:
    """Pairs that are three standard deviations apart, in a ladder of methods, and are called different."""
    values = draw_values(make_generator("power", distribution, seeds), distribution, SPREADS["equal"], tables, seeds)
    contrasts = compare_pairs(values + 3.0 * np.arange(METHODS)[:, None])
    found = (adjust_holm(contrasts.p_values()) < ALPHA) & (contrasts.means < 0)
    least = 0.95 if distribution == "normal" and seeds >= 5 else 0.0
    share = count_share(found[:, SECOND - FIRST == 1], least=least)
    yield Cell("Differences of three standard deviations found", distribution, f"{seeds} seeds", (share,))


def check_means(draws: int, seeds: int, tables: int) -> Iterator[Cell]:
    """Coverage of the interval of a method's mean."""
    generator, found = make_generator("means", draws, seeds), dict[Components, Share]()
    for components in GRID if draws else [SEEDS_ONLY]:
        covered = list[Flags]()
        for size in split_tables(METHODS * tables):
            values = components.draw_values(generator, (size, 1), seeds, max(draws, 1))
            contrasts = make_contrasts(values.mean(-1), values)
            covered.append(np.abs(contrasts.means) < contrasts.half_widths())
        found[components] = count_share(np.concatenate(covered))
    yield Cell("Intervals of means", _name_draws(draws), f"{seeds} seeds", _find_range(found))


def check_pairs(draws: int, seeds: int, tables: int) -> Iterator[Cell]:
    """Coverage of the intervals of pairs of methods of equal spread, which share seeds and draws; false differences."""
    generator, found = make_generator("pairs", draws, seeds), dict[Components, Share]()
    most_false = list[Share]()
    for components in GRID if draws else [SEEDS_ONLY]:
        covered, false = list[Flags](), list[Flags]()
        for size in split_tables(tables):
            values = components.draw_values(generator, (size, METHODS), seeds, max(draws, 1))
            contrasts = compare_pairs(values.mean(-1), values)
            covered.append(np.abs(contrasts.means) < contrasts.half_widths())
            false.append(_find_tables_with_difference(contrasts))
        found[components] = count_share(np.concatenate(covered))
        most_false.append(count_share(np.concatenate(false), most=ALPHA))
    row, column = _name_draws(draws), f"{seeds} seeds"
    yield Cell("Intervals of pairs", row, column, _find_range(found))
    yield Cell("False differences of methods that share draws", row, column, (max(most_false, key=_get_value),))


def check_predictions(draws: int, seeds: int, tables: int) -> Iterator[Cell]:
    """Share of intervals that contain the value of one further run under one further draw."""
    generator, found = make_generator("predictions", draws, seeds), dict[Components, Share]()
    for components in GRID:
        hits = np.zeros(tables, dtype=bool)
        for i, values in enumerate(components.draw_values(generator, (tables,), seeds, draws)):
            low, high = prediction_interval(values) or (0.0, 0.0)
            hits[i] = low <= components.total * generator.standard_normal() <= high
        found[components] = count_share(hits, least=LEAST_COVERAGE)
    shares = min(found.values(), key=_get_value), max(found.values(), key=_get_value)
    yield Cell("Predictions", _name_draws(draws), f"{seeds} seeds", shares)


def _find_range(found: Mapping[Components, Share]) -> tuple[Share, Share]:
    """The lowest coverage, and the highest where seeds or draws have effects at least as large as cells."""
    lowest = min(found.values(), key=_get_value)
    highest = max((share for components, share in found.items() if components.has_small_cells), key=_get_value)
    return (
        Share(lowest.value, lowest.error, least=LEAST_COVERAGE),
        Share(highest.value, highest.error, most=MOST_COVERAGE),
    )


def _get_value(share: Share) -> float:
    return share.value


def _name_draws(draws: int) -> str:
    return f"{draws} draws" if draws else "over seeds only"
