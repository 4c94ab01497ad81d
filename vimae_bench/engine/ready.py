"""Imported by a process that forks workers, so that none of them looks up again what is the same for all."""

from ..plan.catalogue import installed
from . import execute, record

__all__ = ["execute"]

installed()
record.software()
