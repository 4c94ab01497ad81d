"""The measures of a metric under the names that they have among the metrics of a benchmark."""

from collections.abc import Sequence
from typing import Any

from ..core.results import Measure
from ..core.spec import PluginSpec
from ..storage.metric_file import format_settings
from .catalog import Catalog, get_catalog
from .interfaces import Metric
from .registry import make_plugin
from .settings import SettingsChecker


def list_measures(metric: PluginSpec, metrics: Sequence[PluginSpec], catalog: Catalog | None = None) -> list[Measure]:
    """What a metric measures, under the names that results have for it among these metrics.

    Raises BenchError for a metric that cannot be made.
    """
    plugin: Metric = make_plugin("metric", metric, catalog=catalog)
    suffix = make_suffix(metric, metrics, catalog)
    return [measure.with_suffix(suffix) for measure in plugin.measures()]


def make_suffix(metric: PluginSpec, metrics: Sequence[PluginSpec], catalog: Catalog | None = None) -> str:
    """What the names of a metric's measures end in where other metrics are of the same plugin, such as ` labels=100`.

    It names the settings that are not at their default, so that it does not depend on which others these are.
    """
    if sum(other.name == metric.name for other in metrics) < 2:
        return ""
    return format_settings(find_changed_settings("metric", metric, catalog))


def find_changed_settings(kind: str, spec: PluginSpec, catalog: Catalog | None = None) -> dict[str, Any]:
    """The settings of a plugin that are not at their default, or have none."""
    catalog = catalog or get_catalog()
    form, _ = catalog.get_form(kind, spec.name)
    checker = SettingsChecker(catalog.get_form)

    def is_default(name: str, value: object) -> bool:
        field = form["fields"].get(name, {})
        if "default" not in field:
            return False
        default = field["default"] if "schema" in field else checker.complete(field, field["default"])
        return value == default

    return {name: value for name, value in spec.settings.items() if not is_default(name, value)}
