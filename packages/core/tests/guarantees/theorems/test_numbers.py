"""Printed bounds are never below the numbers that they stand for."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.guarantees.theorems._numbers import at_most, factor, padded

POSITIVE = st.floats(1e-300, 1e300)


@given(POSITIVE)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_printed_bound_is_not_below_the_bound(bound: float) -> None:
    assert bound <= float(at_most(bound)) <= bound * (1 + 1e-5)


@given(st.integers(1, 15))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_factor_below_one_is_not_printed_as_one(nines: int) -> None:
    below = 1 - 10.0**-nines
    assert below <= float(at_most(below)) < 1


def test_padding_is_outwards_and_small() -> None:
    assert 3.0 < padded(3.0) < 3.0 * (1 + 1e-12)
    assert 0.25 < factor(0.25) < 0.25 + 1e-12
    assert at_most(math.inf) == "inf"
