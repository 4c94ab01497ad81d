"""Margins of equivalence as users write them."""

import pytest

from vimae_bench.core.margins import parse_margin
from vimae_bench.core.results import Measure

ACCURACY = Measure("svm clean", "%", "higher")
NATS = Measure("nll", "nats", "lower")
PLAIN = Measure("mmd2", "", "lower")
SSE = Measure("sse", "[0,1]^2", "lower", scale="log")


@pytest.mark.parametrize(
    ("measure", "given", "margin"),
    [
        (ACCURACY, 1, 1.0),
        (ACCURACY, 0.5, 0.5),
        (ACCURACY, "1 %", 1.0),
        (ACCURACY, " 2.5% ", 2.5),
        (NATS, "0.5 nats", 0.5),
        (NATS, "1e-3 nats", 0.001),
        (PLAIN, 0.002, 0.002),
        (PLAIN, "0.002", 0.002),
        (SSE, "5 %", 0.05),
        (SSE, "99.9%", 0.999),
    ],
)
def test_a_margin_is_in_the_unit_of_its_measure_or_relative_on_a_log_scale(measure, given, margin):
    assert parse_margin(measure, given) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("measure", "given", "message"),
    [
        (NATS, "1 %", "must be in nats, such as 0.5 or '0.5 nats', not '1 %'"),
        (NATS, "0.5", "must be in nats, such as 0.5 or '0.5 nats', not '0.5'"),
        (ACCURACY, "1 nats", "must be in %, such as 0.5 or '0.5 %', not '1 nats'"),
        (PLAIN, "5 %", "must be a number without a unit, not '5 %'"),
        (PLAIN, "much", "must be a number without a unit, not 'much'"),
        (PLAIN, True, "must be a number without a unit, not True"),
        (PLAIN, float("nan"), "must be a number without a unit, not nan"),
        (NATS, "inf nats", "must be in nats"),
        (NATS, "1e999 nats", "must be in nats"),
        (SSE, 0.5, "must be relative, such as '5 %', since sse is compared by ratios, not 0.5"),
        (SSE, "0.5 [0,1]^2", "must be relative"),
        (SSE, "100 %", "must be less than 100 %, not '100 %'"),
        (SSE, "0 %", "must be positive, not '0 %'"),
        (NATS, 0, "must be positive, not 0"),
        (NATS, "-1 nats", "must be positive, not '-1 nats'"),
    ],
)
def test_any_other_margin_is_refused_with_what_is_wanted(measure, given, message):
    with pytest.raises(ValueError, match="must be") as refused:
        parse_margin(measure, given)
    assert str(refused.value).startswith(message)
