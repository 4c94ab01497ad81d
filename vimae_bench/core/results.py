"""The results of a run: measures and their estimates."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from .canonical import Json

Direction = Literal["lower", "higher"]
Scale = Literal["linear", "log"]
Status = Literal["done", "diverged", "failed"]
REAL_IMAGES = "training images"
"""The label of a baseline that is real images, as if they had been generated.

A measure under which methods score better does not show how realistic images are, which is said where it is reported.
"""
OUTDATED = "°"
"""Marks what an older version of a metric has measured."""


@dataclass(frozen=True)
class Measure:
    """One number a metric gives: its name, unit and which way is better (None: neither).

    The other fields are no part of its definition. A value below `collapse_below` (for each latent dimension, if
    `is_per_latent`) is a sign that a run ignores its data: a run with more such signs than not has collapsed. A measure
    that a model wins by ignoring the data `rewards_collapse`.

    Differences are tested on the `scale`; log, for ratios, suits only what is positive by definition. Methods are
    equivalent if they are shown to differ by less than the `margin`, in the measure's unit, or relative on a log scale
    (0.05: 5 %); without a margin they never are. A measure that `is_hidden` is shown only where it is asked for.

    `family` is the kind of quantity that it measures, by which figures find what they draw: `rate`, `distortion`,
    `sampled distortion` and `prior mismatch` have a place of their own. Measures of one family and different
    `condition`, the name of the corruption of the images, make a curve.

    Readers see the `display_name`, or the name where it is empty, the `description`, a sentence that defines it, and
    the measures of one `topic`, such as `Reconstruction`, next to each other. A measure without a direction may have a
    `target`, its ideal value, to which no method is ranked. A method that leads under a measure with a `caution` is not
    thereby a better one; it says why, as the end of a sentence on the measure, such as `rewards blur`. Tables and
    figures take these from the installed metric, so that results on disk need not be measured again for a better text.

    Metrics leave the last three fields alone. What is read from a results folder has the `metric` that measured it, and
    the version that this had then; a measure of two versions has two definitions. `outdated`: the installed metric is
    of a later version.
    """

    name: str
    unit: str
    better: Direction | None
    collapse_below: float | None = field(default=None, compare=False)
    is_per_latent: bool = field(default=False, compare=False)
    rewards_collapse: bool = field(default=False, compare=False)
    scale: Scale = field(default="linear", compare=False)
    margin: float | None = field(default=None, compare=False)
    is_hidden: bool = field(default=False, compare=False)
    display_name: str = field(default="", compare=False)
    family: str = field(default="", compare=False)
    condition: str = field(default="", compare=False)
    topic: str = field(default="", compare=False)
    description: str = field(default="", compare=False)
    target: float | None = field(default=None, compare=False)
    caution: str = field(default="", compare=False)
    version: int = 1
    metric: str = field(default="", compare=False)
    outdated: bool = field(default=False, compare=False)

    @property
    def title(self) -> str:
        """What readers see as its name."""
        return self.display_name or self.name

    @property
    def label(self) -> str:
        """What tables and figures call the measure: its title, marked if it is outdated."""
        return self.title + (f" {OUTDATED}" if self.outdated else "")

    def with_suffix(self, suffix: str) -> "Measure":
        """The same measure of a metric with other settings, which `suffix` names, such as ` labels=100`."""
        names = {name: getattr(self, name) for name in ("name", "display_name", "family")}
        return replace(self, **{name: text + suffix for name, text in names.items() if text})


def find_measure(measures: Iterable[Measure], family: str) -> Measure | None:
    """The first measure of a family, or None."""
    return next((measure for measure in measures if measure.family == family), None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its standard error within one trained model and the number of items behind it.

    `per_draw` are the values over each draw behind it (of labels, episodes, noise), in the same order for all runs. All
    runs share these draws, so that a comparison can tell differences between models from differences between draws.
    """

    value: float
    n: int
    se: float | None = None
    per_draw: tuple[float, ...] = ()

    def as_json(self) -> Json:
        """As metric files have it: `parts` in place of `per_draw`, and only where there are draws."""
        plain: Json = {"value": self.value, "n": self.n, "se": self.se}
        return {**plain, "parts": list(self.per_draw)} if self.per_draw else plain
