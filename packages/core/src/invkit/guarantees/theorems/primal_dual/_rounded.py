"""Numbers in the words of a conclusion, rounded to the side on which the inequality stays true."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context

#: The relative error of a few operations in float64, with room.
SLACK = 1e-14


def not_below(value: float) -> str:
    """Six digits of a number that is no smaller."""
    return _rounded(value, ROUND_CEILING)


def not_above(value: float) -> str:
    """Six digits of a number that is no larger."""
    return _rounded(value, ROUND_FLOOR)


def _rounded(value: float, towards: str) -> str:
    return f"{float(Context(prec=6, rounding=towards).create_decimal_from_float(value)):.6g}"
