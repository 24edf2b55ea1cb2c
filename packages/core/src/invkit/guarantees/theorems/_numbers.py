"""Numbers of conclusions: padded for the rounding of their own computation, and printed on their safe side."""

from __future__ import annotations

from ...derivations.numbers import at_least, at_most

__all__ = ["SLACK", "at_least", "at_most", "factor", "padded"]

#: What the rounding of a few float64 operations may change, relatively.
SLACK = 64 * 2.0**-52


def padded(bound: float) -> float:
    """An upper bound that holds whatever the rounding of the few operations that it came from."""
    return bound + SLACK * abs(bound)


def factor(bound: float) -> float:
    """An upper bound of a factor of contraction: terms of size 1 may have cancelled in it."""
    return bound + SLACK
