"""Numbers of premises and conclusions: what can be a step, and rounding to the side on which a bound stays true."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context

from torch import Tensor

from ....functionals.base import as_float

#: The relative error of a few operations in float64, with room.
SLACK = 1e-14


def are_steps(*steps: float | Tensor) -> bool:
    """Whether all are positive and finite: settings far from 1 may underflow to a step that moves nothing."""
    return all(0 < as_float(step) < math.inf for step in steps)


def not_below(value: float) -> str:
    """Six digits of a number that is no smaller."""
    return _rounded(value, ROUND_CEILING)


def not_above(value: float) -> str:
    """Six digits of a number that is no larger."""
    return _rounded(value, ROUND_FLOOR)


def _rounded(value: float, towards: str) -> str:
    return f"{float(Context(prec=6, rounding=towards).create_decimal_from_float(value)):.6g}"
