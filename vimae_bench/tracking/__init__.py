"""Copies of runs in MLflow: made from the runs' files, which stay the source of truth, and made again at any time.

What a reporter needs to keep such a copy while runs go on.
"""

from ..core.secrets import mask_secrets
from .store import default_store_uri, import_mlflow
from .sync import SyncSummary, sync_benchmark

__all__ = ["SyncSummary", "default_store_uri", "import_mlflow", "mask_secrets", "sync_benchmark"]
