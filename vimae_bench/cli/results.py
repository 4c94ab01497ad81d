"""Finished runs, as commands ask for them."""

from ..results.finished import Finished as Finished
from ..results.finished import finished as finished
