"""Numbers of a conclusion as they are printed: bounds are rounded to their safe side, never to the nearest."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Context, Decimal

#: What the rounding of a few float64 operations may change, relatively.
SLACK = 64 * 2.0**-52


def padded(bound: float) -> float:
    """An upper bound that holds whatever the rounding of the few operations that it came from."""
    return bound + SLACK * abs(bound)


def factor(bound: float) -> float:
    """An upper bound of a factor of contraction: terms of size 1 may have cancelled in it."""
    return bound + SLACK


def at_most(bound: float) -> str:
    """An upper bound with six digits, the last rounded up; one below 1 keeps as many nines as it needs."""
    if not math.isfinite(bound):
        return f"{bound:g}"
    for digits in range(6, 17):
        shown = Context(prec=digits, rounding=ROUND_CEILING).create_decimal(Decimal(bound))
        if bound >= 1 or shown < 1:
            return f"{float(shown):.{digits}g}"
    return repr(bound)
