"""Views of an experiment's runs: a leaderboard as MLflow's table and charts show it.

MLflow keeps a view as a tag of the experiment, and lists it under *Views*. There is no documentation of what is in it;
a server that does not know it shows its ordinary table.
"""

import base64
import json
import zlib
from collections.abc import Sequence

from ..analysis.leaderboard_data import Leaderboard
from ..analysis.summary import select_key_columns
from ..core.canonical import Json, canonical_json
from ..core.results import Measure
from ..plugin.catalog import get_catalog
from .names import NAME_TAG, TABLE, to_mlflow_name
from .view_path import FIRST_VIEW, PICTURE_VIEW

VIEW_TAG = "mlflow.sharedViewState."
COMPRESSED = "deflate;"
SECTION = "leaderboard"


def name_views(boards: Sequence[Leaderboard]) -> dict[str, str]:
    """The key and the name of each table's view, in their order."""
    if len(boards) == 1:
        return {FIRST_VIEW: "Ranked methods"}
    keys = [f"{FIRST_VIEW}-{number}" if number > 1 else FIRST_VIEW for number in range(1, len(boards) + 1)]
    return {key: f"Ranked methods: {board.title}" for key, board in zip(keys, boards, strict=True)}


def format_view(name: str, board: Leaderboard, created: int) -> str:
    """The value of a view's tag: the methods of a table by its first measure, with their means as columns and bars.

    `created` is in milliseconds since the epoch.
    """
    return _format_saved_view(name, _make_state(board), created)


def format_picture_view(seed: int, created: int) -> str:
    """The value of the tag of a view of what the models of one seed draw, method by method."""
    return _format_saved_view(PICTURE_VIEW.capitalize(), _make_picture_state(seed), created)


def _format_saved_view(name: str, state: Json, created: int) -> str:
    packed = COMPRESSED + base64.b64encode(zlib.compress(canonical_json(state).encode())).decode()
    return json.dumps({"name": name, "createdAt": created, "updatedAt": created, "state": packed})


def _make_picture_state(seed: int) -> Json:
    charts = [
        {
            "type": "IMAGE",
            "uuid": name,
            "metricSectionId": SECTION,
            "imageKeys": [name],
            "step": 0,
            "showRunParams": False,
            "isGenerated": False,
            "deleted": False,
        }
        for name in get_catalog().list_names("picture")
    ]
    return {
        "searchFilter": f"tags.`vb.seed` = '{seed}'",
        "orderByKey": f"tags.`{NAME_TAG}`",  # by time, MLflow would fold the runs into their methods
        "orderByAsc": True,
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [_make_section("Pictures") | {"columns": 1, "cardHeight": 520}],
        "compareRunCharts": charts,
        "isAccordionReordered": True,
    }


def _make_state(board: Leaderboard) -> Json:
    measures = [board.measures[name] for name in _list_columns(board)]
    columns = [_format_column(measure) for measure in measures]
    first = board.measures[board.rank_by] if board.rank_by else None
    return {
        "searchFilter": f"tags.`{TABLE}` = '{format_table_tag(board)}'",
        "orderByKey": _format_column(first) if first else "attributes.start_time",
        "orderByAsc": first is None or first.better == "lower",
        "selectedColumns": columns,
        "columnOrder": columns,
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [_make_section("Leaderboard")],
        "compareRunCharts": [_make_chart(measure) for measure in measures],
        "isAccordionReordered": True,
    }


def _make_section(name: str) -> Json:
    return {"uuid": SECTION, "name": name, "display": True, "isReordered": False}


def _list_columns(board: Leaderboard) -> list[str]:
    """The measure by which methods are ranked, then the others that are shown by default."""
    names = (board.rank_by, *select_key_columns(board))
    return [name for name in dict.fromkeys(names) if name]


def format_table_tag(board: Leaderboard) -> str:
    """A table's title as the value of a tag that MLflow can filter by."""
    return board.title.replace("'", " ")


def _format_column(measure: Measure) -> str:
    return f"metrics.`{to_mlflow_name(measure.name)}`"


def _make_chart(measure: Measure) -> Json:
    name = to_mlflow_name(measure.name)
    return {
        "type": "BAR",
        "uuid": name,
        "metricSectionId": SECTION,
        "metricKey": name,
        "dataAccessKey": name,
        "isGenerated": False,
        "deleted": False,
    }


def describe_direction(measure: Measure) -> str:
    """A measure's title with its better direction, such as `Squared error (lower is better)`."""
    return f"{measure.title} ({measure.better} is better)" if measure.better else measure.title
