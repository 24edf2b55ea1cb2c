"""Arithmetic of moduli of strong convexity: in rational numbers, rounded down once, so that none is stated too large.

A modulus is that of ``Functional.convexity``: below 0 for weak convexity, None, which stays None, for nothing known.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from fractions import Fraction


def times(weight: float, modulus: float | None) -> float | None:
    """weight * modulus; None for a weight that is not >= 0, such as a learned one that has become negative."""
    if modulus is None or not 0 <= weight < math.inf or not math.isfinite(modulus):
        return None
    return _below(Fraction(weight) * Fraction(modulus))


def total(moduli: Sequence[float | None]) -> float | None:
    """The sum of moduli, None where one is."""
    known = [m for m in moduli if m is not None]
    if len(known) < len(moduli) or not all(math.isfinite(m) for m in known):
        return None
    return _below(sum((Fraction(m) for m in known), Fraction(0)))


def over(modulus: float | None, weight: float) -> float | None:
    """modulus / weight for a positive weight; None for another."""
    if modulus is None or not 0 < weight < math.inf or not math.isfinite(modulus):
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


def behind(modulus: float | None, lower: float, upper: float) -> float | None:
    """That of f(K x) for lower |x| <= |K x| <= upper |x|: modulus * lower^2, or upper^2 for a modulus below 0."""
    if modulus is None or not math.isfinite(modulus):
        return None
    bound = lower if modulus > 0 else upper
    return _below(Fraction(modulus) * Fraction(bound) ** 2)


def is_convex(modulus: float | None) -> bool:
    """Whether it is that of a convex functional."""
    return modulus is not None and modulus >= 0


def _below(value: Fraction) -> float | None:
    """The largest float that is not above a number; None below all of them."""
    try:
        nearest = float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else None
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)
