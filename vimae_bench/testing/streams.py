"""The contracts of executors and reporters."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..core.spec import Cell, Choice, Run, Training
from ..execution.interfaces import Executor, Reporter
from ..execution.jobs import Event, Order
from .contract import check, expect
from .settings import SETTINGS


@check
def every_order_is_told(executor: Executor) -> None:
    """It starts and ends every order once, and tells the exit code of its work."""
    with _orders(3) as orders:
        events = list(executor(orders, _work))
    for order in orders:
        about = [e for e in events if e.order and e.order.folder == order.folder]
        kinds = [(e.kind, e.exit_code) for e in about]
        wanted = [("started", None), ("ended", order.cell.run.seed)]
        expect(kinds == wanted, f"told {kinds} of an order, not {wanted}")


@check
def every_event_is_passed_on(reporter: Reporter) -> None:
    """It passes every event on, in order, unchanged."""
    with _orders(1) as (order,):
        start = [Event("note", reason="one run at a time"), Event("started", order)]
        told = [*start, Event("tick"), Event("ended", order, 0)]
        passed = list(reporter([order], iter(told)))
    expect(passed == told, f"passed on {[e.kind for e in passed]} of {[e.kind for e in told]}")


@contextmanager
def _orders(count: int) -> Generator[list[Order]]:
    """Orders for runs in an empty folder, which is removed afterwards."""
    with TemporaryDirectory() as scratch:
        yield [_order(Path(scratch), seed) for seed in range(count)]


def _order(scratch: Path, seed: int) -> Order:
    plain = Choice("toy")
    run = Run(plain, plain, plain, plain, 2, Training(epochs=1), seed)
    return Order("toy", Cell("toy", run, ()), scratch / "toy" / "runs" / run.name, scratch)


def _work(order: Order) -> int:
    return order.cell.run.seed


EXECUTOR = (every_order_is_told, *SETTINGS)
REPORTER = (every_event_is_passed_on, *SETTINGS)
