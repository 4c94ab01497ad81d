"""What plugins declare apart from classes: options of the command line, presets of benchmark files, schedules.

All of it is plain data, kept in the catalog, so that commands can read it without importing a plugin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RunOption:
    """An option that a plugin adds to `vimae-bench run` and `vimae-bench tune`.

    Executors, reporters and metrics list theirs in the class attribute `run_options`. An option gives the plugin's
    `setting` a value, wherever the benchmark uses that plugin. Without a `setting` the option is a switch that leaves
    the plugin out of the benchmark; this is for reporters.

    For a metric, the setting of an option is not part of its identity, nor a key of benchmark files: it says where
    something is found or how it is computed, never what is measured.
    """

    flag: str
    """As on the command line, such as `--mlflow-uri`."""
    help: str
    """A sentence for `--help`."""
    setting: str = ""
    """The parameter of the plugin's constructor that it sets."""
    metavar: str = ""
    """What `--help` shows for the value."""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Words that stand for values, such as `auto` for 0."""
    is_path: bool = False
    """Whether the value is a path, which is made absolute."""

    @property
    def name(self) -> str:
        """The flag as a Python name."""
        return self.flag.lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class Preset:
    """Settings under a name, for what a benchmark file leaves open. What the file says itself goes before them."""

    objective: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of every objective that has them."""
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the training."""
    training_by_dataset: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """More settings of the training, by the name of the data set. If there are any, other data sets are refused."""
    scale_from_sigma: str = ""
    """The setting of objectives that becomes 1 / (2 sigma^2): `sigma` of the file is a standard deviation in [0, 1]
    units, and here it is in those of the pixels that the network sees. Without it the file may not say `sigma`."""


Schedule = Callable[["Tensor", int], "Tensor"]
"""What the learning rate is multiplied with in an epoch: of its number, a scalar tensor counted from 0, and of the
number of all epochs; a scalar tensor."""
