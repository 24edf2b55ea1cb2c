"""Numbers as they are printed: a bound is rounded to its safe side, never to the nearest."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal


def at_most(bound: float) -> str:
    """An upper bound with six digits, the last rounded up; one below 1 keeps as many nines as it needs."""
    if not math.isfinite(bound) or float(f"{bound:.6g}") == bound:
        return f"{bound:.6g}"
    for digits in range(6, 17):
        shown = Context(prec=digits, rounding=ROUND_CEILING).create_decimal(Decimal(bound))
        if bound >= 1 or shown < 1:
            return f"{float(shown):.{digits}g}"
    return repr(bound)


def at_least(bound: float) -> str:
    """A lower bound with six digits, the last rounded down."""
    if not math.isfinite(bound) or float(f"{bound:.6g}") == bound:
        return f"{bound:.6g}"
    return f"{float(Context(prec=6, rounding=ROUND_FLOOR).create_decimal(Decimal(bound))):.6g}"
