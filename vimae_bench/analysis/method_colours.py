"""The colour of each method, the same in figures, on pages and in MLflow."""

from collections.abc import Collection, Iterable
from zlib import crc32

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")
"""Those of Okabe and Ito, which colour-blind readers can distinguish, that are visible on white."""


def number_methods(labels: Iterable[str], controls: Collection[str] = ()) -> dict[str, int]:
    """A number for each method, by a hash of its label, so that it looks alike in different benchmarks.

    Its colour is that of the number modulo the number of colours. Of methods of one benchmark with the same colour,
    the one that comes later in the alphabet takes the next that is free, while there are any. A/A `controls` take what
    methods leave. The same labels give the same numbers, in whatever order.
    """
    known, taken = list(dict.fromkeys(labels)), dict[str, int]()
    for label in sorted(known, key=lambda label: (label in controls, label)):
        first = crc32(label.encode("utf-8", "surrogatepass")) % len(COLOURS)
        colours = [(first + i) % len(COLOURS) for i in range(len(COLOURS))]
        used = [number % len(COLOURS) for number in taken.values()]
        colour = min(colours, key=used.count)  # the first of those used least
        taken[label] = colour + used.count(colour) * len(COLOURS)
    return {label: taken[label] for label in known}


def assign_colours(labels: Iterable[str], controls: Collection[str] = ()) -> dict[str, str]:
    """The colour of each method, as `#RRGGBB`."""
    return {label: COLOURS[number % len(COLOURS)] for label, number in number_methods(labels, controls).items()}
