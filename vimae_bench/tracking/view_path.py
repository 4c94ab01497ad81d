"""The address of an experiment's view in MLflow."""

from urllib.parse import quote

FIRST_VIEW, PICTURE_VIEW = "methods", "pictures"
"""The keys of the views of a benchmark's first table, and of what its models draw."""
TRAINING_PAGES = "workflowType=machine_learning"
"""Without it MLflow opens its pages for language models."""


def format_view_path(experiment: str, key: str = FIRST_VIEW) -> str:
    """The part of a view's address after that of the server."""
    return f"#/experiments/{quote(experiment, safe='')}/runs?{TRAINING_PAGES}&viewStateShareKey={quote(key, safe='')}"
