"""The address of an experiment's view in MLflow."""

from urllib.parse import quote, urlencode

FIRST_VIEW = "methods"
"""The key of the view of a benchmark's first table."""


def format_view_path(experiment: str, key: str = FIRST_VIEW) -> str:
    """The part of a view's address after that of the server."""
    # Without the type of workflow MLflow opens its pages for language models.
    query = urlencode({"workflowType": "machine_learning", "viewStateShareKey": key})
    return f"#/experiments/{quote(experiment, safe='')}/runs?{query}"
