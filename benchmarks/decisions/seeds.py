"""Whether the numbers of seeds that statements promise decide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vimae_bench.analysis.decision import PairForecast, find_seeds_needed
from vimae_bench.analysis.statistics import (
    ALPHA,
    Array,
    Contrasts,
    Variance,
    VarianceParts,
    adjust_holm,
    combine_variances,
    compare_pairs,
)
from vimae_bench.core.results import Measure

from .draws import SEEDS_AND_CELLS, SEEDS_ONLY, SPREADS, Components, make_generator, split_tables
from .shares import Cell, Flags, count_share

KNOWN_SEEDS = 5
MEASURE = Measure("accuracy", "%", "higher")


@dataclass(frozen=True)
class Situation:
    """True means and standard deviations of methods, a margin of equivalence or 0, and the number of shared draws."""

    means: Sequence[float]
    spreads: Array
    margin: float = 0.0
    draws: int = 0
    components: Components = SEEDS_ONLY


EQUAL, RISING = SPREADS["equal"], SPREADS["1 to 3"]
SITUATIONS = {
    "one method 1.5 better": Situation((1.5, 0, 0, 0, 0, 0), EQUAL),
    "one method 0.7 better": Situation((0.7, 0, 0, 0, 0, 0), EQUAL),
    "steps of 0.7": Situation((0, 0.7, 1.4, 2.1, 2.8, 3.5), EQUAL),
    "two methods, 0.7": Situation((0.7, 0), np.ones(2)),
    "spreads 1 to 3, the narrowest 2 better": Situation((2, 0, 0, 0, 0, 0), RISING),
    "spreads 1 to 3, the widest 2 better": Situation((2, 0, 0, 0, 0, 0), RISING[::-1]),
    "equal methods, margin 1": Situation((0, 0, 0, 0, 0, 0), EQUAL, margin=1),
    "one method 0.3 better, margin 1": Situation((0.3, 0, 0, 0, 0, 0), EQUAL, margin=1),
    "two equal methods, margin 0.8": Situation((0, 0), np.ones(2), margin=0.8),
    "spreads 1 to 3, margin 2": Situation((0, 0, 0, 0, 0, 0), RISING, margin=2),
    "10 draws, one method 1.5 better": Situation((1.5, 0, 0, 0, 0, 0), EQUAL, 0, 10, SEEDS_AND_CELLS),
    "10 draws, equal methods, margin 1": Situation((0, 0, 0, 0, 0, 0), EQUAL, 1, 10, SEEDS_AND_CELLS),
}
"""In standard deviations of a method's values over seeds."""


def check_seeds_needed(name: str, tables: int) -> Iterator[Cell]:
    """The number of seeds promised for the first pair, and for all pairs of the first method; how often it decides."""
    situation = SITUATIONS[name]
    forecasts = forecast_truth(situation)
    for column, pairs in (("first pair", 1), ("all pairs of the first method", len(situation.means) - 1)):
        seeds = find_seeds_needed(forecasts[:pairs])
        if seeds is None:
            raise RuntimeError(f"{name}: no number of seeds is promised")
        generator = make_generator("seeds", name, column)
        decided = np.concatenate(
            [_decide(situation, seeds, generator, size)[:, :pairs] for size in split_tables(tables)]
        )
        yield Cell("Seeds promised, and decided", name, f"seeds: {column}", text=str(seeds))
        share = count_share(np.all(decided, axis=1), least=0.75)
        yield Cell("Seeds promised, and decided", name, f"decided: {column}", (share,))


def forecast_truth(situation: Situation) -> list[PairForecast]:
    """The forecasts of all pairs from five seeds that happen to have exactly the true means and variances."""
    first, second = np.triu_indices(len(situation.means), 1)
    squares, n, m = situation.spreads**2, KNOWN_SEEDS, max(situation.draws, 1)
    own, effects, independent = squares[first] + squares[second], situation.components, len(situation.means) - 1
    larger = np.maximum(own, own.mean())
    parts = VarianceParts(
        Variance(larger * (effects.seed**2 + effects.cell**2 / m), np.full(len(own), independent * (n - 1.0))),
        Variance(larger * (effects.draw**2 + effects.cell**2 / n), np.full(len(own), independent * max(m - 1.0, 1.0))),
        own * effects.cell**2,
        n,
        situation.draws,
    )
    means, variance = np.array(situation.means, dtype=np.float64), combine_variances(parts)
    contrasts = Contrasts(means[first] - means[second], variance, variance, parts)
    return [PairForecast(contrasts, i, len(own), MEASURE, situation.margin or None) for i in range(len(own))]


def _decide(situation: Situation, seeds: int, generator: np.random.Generator, tables: int) -> Flags:
    """Whether each pair is decided [tables, pairs]."""
    rows, draws = (tables, len(situation.means)), max(situation.draws, 1)
    values = situation.components.draw_values(generator, rows, seeds, draws) * situation.spreads[:, None, None]
    values += np.array(situation.means)[:, None, None]
    contrasts = compare_pairs(values.mean(-1), values)
    decided = adjust_holm(contrasts.p_values()) < ALPHA
    if situation.margin:
        decided |= adjust_holm(contrasts.within_p_values(situation.margin)) < ALPHA
    return decided
