"""Arithmetic of moduli of strong convexity: in rational numbers, rounded down once, so that none is stated too large.

A modulus is a number >= 0; None says that nothing is known, and stays None.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from fractions import Fraction


def times(weight: float, modulus: float | None) -> float | None:
    """weight * modulus; None for a weight that is not >= 0, such as a learned one that has become negative."""
    if modulus is None or not 0 <= weight < math.inf:
        return None
    return _below(Fraction(weight) * Fraction(modulus))


def total(moduli: Iterable[float | None]) -> float | None:
    """The sum of moduli, None where one is."""
    known = list(moduli)
    return None if None in known else _below(sum((Fraction(m) for m in known if m is not None), Fraction(0)))


def over(modulus: float | None, weight: float) -> float | None:
    """modulus / weight for a positive weight; None for another."""
    if modulus is None or not 0 < weight < math.inf:
        return None
    return _below(Fraction(modulus) / Fraction(weight))


def of_conjugate(constant: float, weight: float = 1.0) -> float | None:
    """1 / (weight constant), the modulus of (weight f)* for a convex f with that constant of smoothness.

    0 where the weight or the constant is: that conjugate is the indicator of a point, which has every modulus.
    """
    if not (0 <= weight < math.inf and 0 <= constant < math.inf):
        return None
    product = Fraction(weight) * Fraction(constant)
    return _below(1 / product) if product else 0.0


def _below(value: Fraction) -> float:
    """The largest float that is not above a number >= 0."""
    try:
        nearest = float(value)
    except OverflowError:
        return sys.float_info.max
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, 0.0)
