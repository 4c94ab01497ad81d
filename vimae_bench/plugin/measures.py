"""The measures of a metric under the names that they have among the metrics of a benchmark."""

from collections.abc import Sequence

from ..core.results import Measure
from ..core.spec import PluginSpec, disambiguating_suffix
from .catalog import Catalog
from .interfaces import Metric
from .registry import make_plugin


def list_measures(metric: PluginSpec, metrics: Sequence[PluginSpec], catalog: Catalog | None = None) -> list[Measure]:
    """What a metric measures, under the names that results have for it among these metrics.

    Raises BenchError for a metric that cannot be made.
    """
    plugin: Metric = make_plugin("metric", metric, catalog=catalog)
    suffix = disambiguating_suffix(metric, metrics)
    return [measure.with_suffix(suffix) for measure in plugin.measures()]
