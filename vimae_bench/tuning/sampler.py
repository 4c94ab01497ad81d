"""Draws the settings of trials. Nothing else imports Optuna, which is an extra."""

from typing import TYPE_CHECKING, Any

from ..config.search_space import NumberRange, Space
from ..core.results import Direction
from ..core.seeds import derive_seed

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 4
"""Significant digits of a real number that is drawn, so that a file with it can be read."""


class Sampler:
    """Draws the settings of one method's trials: the same from the same seed, if the same values are reached."""

    def __init__(self, space: Space, better: Direction, kind: str, *seed: int | str):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        samplers = optuna.samplers
        number = derive_seed("tuning", *seed) % 2**32  # as many as NumPy's old generators take
        sampler = samplers.TPESampler(seed=number) if kind == "tpe" else samplers.RandomSampler(seed=number)
        self.space, self.failed = space, optuna.trial.TrialState.FAIL
        self.study = optuna.create_study(sampler=sampler, direction="minimize" if better == "lower" else "maximize")
        self.trials: list[optuna.Trial] = []

    def ask(self) -> dict[str, Any]:
        """The settings of the next trial, by path."""
        trial = self.study.ask({path: _make_distribution(values) for path, values in self.space.items()})
        self.trials.append(trial)
        return {path: _read_value(values, trial.params[path]) for path, values in self.space.items()}

    def tell(self, number: int, value: float | None) -> None:
        """What the trial of this number, counted from 0, reached; None if it failed."""
        self.study.tell(self.trials[number], value, state=self.failed if value is None else None)


def _make_distribution(values: NumberRange | tuple[Any, ...]) -> "BaseDistribution":
    from optuna import distributions

    if not isinstance(values, NumberRange):
        return distributions.CategoricalDistribution(range(len(values)))  # of values of any kind
    if values.is_integer:
        return distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
    return distributions.FloatDistribution(values.low, values.high, log=values.log)


def _read_value(values: NumberRange | tuple[Any, ...], drawn: Any) -> Any:  # noqa: ANN401
    if not isinstance(values, NumberRange):
        return values[drawn]
    return drawn if values.is_integer else min(max(float(f"{drawn:.{DIGITS}g}"), values.low), values.high)
