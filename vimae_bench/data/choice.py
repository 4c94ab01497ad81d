"""Which images are looked at where not all are: chosen at random for a data set, the same for all methods and runs."""

import numpy as np
from numpy.typing import NDArray

from ..core.seeds import derive_seed


def choose_places(n: int, count: int, *stream: int | str) -> NDArray[np.int64]:
    """The places of up to `count` of n images, chosen at random and in a random order.

    The stream's name alone decides which: it should name the purpose and the data set, and neither method nor seed, so
    that all runs are measured on the same images. Fewer are the first of more. The first images of a data set are no
    sample of it: they may be of one class, or drawn by one hand.
    """
    random = np.random.Generator(np.random.Philox(key=derive_seed("images", *stream)))
    return random.permutation(n)[:count].astype(np.int64)
