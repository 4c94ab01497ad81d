"""Copies of runs in MLflow: made from the runs' files, which stay the source of truth, and made again at any time.

What a reporter needs to keep such a copy while runs go on.
"""

from ..core.secrets import mask_secrets, show_address
from .server_links import describe_view, explain_unused_address
from .store import default_store_uri, import_mlflow
from .sync import SyncSummary, sync_benchmark, sync_summary

__all__ = [
    "SyncSummary",
    "default_store_uri",
    "describe_view",
    "explain_unused_address",
    "import_mlflow",
    "mask_secrets",
    "show_address",
    "sync_benchmark",
    "sync_summary",
]
