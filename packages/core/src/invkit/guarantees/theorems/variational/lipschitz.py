"""How much a variational reconstruction with a strongly convex objective amplifies errors of the measurement."""

from __future__ import annotations

import math

from ....claims import ASSUMED
from ...hypotheses import EXACT_ADJOINTS, HAS_MINIMISER
from ...premises import resting_on
from ...rule import THE_MINIMISER, Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_least, at_most, padded
from ._data_term import (
    CONVEX_REST,
    SQUARED_DATA_TERM,
    Y_ENTERS_ONCE,
    Squared,
    about_a_variational_model,
    rest,
    squared,
    the_model,
)


def lipschitz_constant(modulus: float, size: float, smoothness: float, convexity: float) -> float | None:
    """C of |u1 - u2| <= C |y1 - y2|, for B = (c W)^(1/2) A with |B|^2 <= smoothness and |B v|^2 >= convexity |v|^2.

        size * max_s s / (s^2 + modulus)   over convexity <= s^2 <= smoothness

    modulus: that of weight * R, alpha mu.   size: max (c W)^(1/2).   None if neither is strongly convex.

    Proof: the optimality conditions give |B du|^2 + modulus |du|^2 <= <d, B du> <= |d| |B du| with
    d = (c W)^(1/2) (y1 - y2); divide by |du|^2 and put s = |B du| / |du|. The maximum over all s is
    1/(2 modulus^(1/2)), half of what the dissertation states; s cannot exceed |B|, where the quotient is below
    |B| / modulus.
    """
    if not (modulus >= 0 and convexity >= 0 and modulus + convexity > 0):
        return None
    s = min(max(math.sqrt(modulus), math.sqrt(convexity)), math.sqrt(smoothness))
    if s == 0 or size == 0:
        return 0.0
    constant = padded(size / (s + modulus / s))  # s^2 may underflow, and so may the quotient
    return math.nextafter(constant, math.inf) if math.isfinite(constant) else None


def _modulus(setting: Setting) -> float:
    return max(rest(setting).convexity() or 0.0, 0.0)


def _constant(setting: Setting, found: Squared) -> float | None:
    smooth = found.fit.smoothness()
    if smooth is None:
        return None
    size = math.sqrt(found.scale) * math.sqrt(found.largest)
    return lipschitz_constant(_modulus(setting), size, smooth.upper, max(found.fit.convexity() or 0.0, 0.0))


def _strongly_convex(setting: Setting) -> tuple[Premise, ...]:
    found = squared(setting)
    if found is None:  # which is a premise of its own
        return ()
    own, smooth = max(found.fit.convexity() or 0.0, 0.0), found.fit.smoothness()
    constant = _constant(setting, found)
    premise = Premise(
        statement="the objective is strongly convex with a known modulus",
        holds=constant is not None,
        basis=smooth.basis if smooth is not None else ASSUMED,
        value=_modulus(setting) + own,
        bound=None if constant is not None else 0.0,
        how=f"weight * R has {at_least(_modulus(setting))}, the data term {at_least(own)}",
        remedy=_remedy(setting),
    )
    return (resting_on(premise, rest(setting), found.fit),)


def _remedy(setting: Setting) -> str:
    """How a square is added to the R at hand, in Python and in a configuration."""
    given = the_model(setting).regulariser
    name = "" if given is None else getattr(given, "__name__", "R")
    added = f"{name}(space) + 1e-2 * SquaredL2()" if name else "1e-2 * SquaredL2()"
    listed = "[..., " if name else "["
    return (
        f"add a multiple of SquaredL2() to R, as in lambda space: {added}, or in a configuration regulariser = "
        f'{listed}{{ use = "core/squared-l2", weight = 1e-2 }}]'
    )


def _conclusion(setting: Setting) -> Conclusion:
    found = squared(setting)
    assert found is not None
    constant, modulus = _constant(setting, found), _modulus(setting)
    assert constant is not None
    size = math.sqrt(found.scale) * math.sqrt(found.largest)
    stated = size / math.sqrt(modulus) if modulus > 0 else math.inf
    beside = f"the dissertation's 1/sqrt(alpha mu) is {at_most(stated)}" if stated < math.inf else "of the data term"
    return Conclusion(
        statement=f"the minimiser is Lipschitz in y: |u1 - u2| <= {at_most(constant)} |y1 - y2|",
        params={"constant": constant},
        value=constant,
        how=beside,
        part=THE_MINIMISER,
    )


VARIATIONAL_LIPSCHITZ = Rule(
    name="variational-lipschitz",
    statement="variational reconstruction with a strongly convex objective is Lipschitz in the measurement",
    formula="|u1 - u2| <= C |y1 - y2|, C = max of s / (s^2 + alpha mu) over s <= |A|; "
    "C <= 1/(2 sqrt(alpha mu)) and C <= |A| / (alpha mu)",
    source="dissertation, introduction, eq. 5, which gives 1/sqrt(alpha mu); half of that by Young's inequality",
    about=about_a_variational_model,
    premises=(
        SQUARED_DATA_TERM,
        Y_ENTERS_ONCE,
        CONVEX_REST,
        Hypothesis(
            statement="the objective is strongly convex with a known modulus",
            concerns=("strongly_convex",),
            evaluate=_strongly_convex,
        ),
        EXACT_ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="lipschitz",
    conclude=_conclusion,
    further=True,
)
