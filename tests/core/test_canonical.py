import math

import pytest

from vimae_bench.core.canonical import LARGEST_NUMBER, are_numbers, is_number

VALUES = (0, -1, 2.5, LARGEST_NUMBER, -2 * LARGEST_NUMBER, 1e308, math.nan, math.inf, True, "1", None, [1], 10**400)


@pytest.mark.parametrize("one", VALUES)
@pytest.mark.parametrize("other", VALUES)
def test_many_values_are_numbers_if_each_is(one: object, other: object) -> None:
    for values in ((one, other), (0.5, one, other), (one, 3, other)):
        assert are_numbers(values) == all(map(is_number, values))


def test_no_values_are_numbers() -> None:
    assert are_numbers(())
