"""Variational reconstruction is stable where the operator looks."""

from __future__ import annotations

import math

from ....claims import BY_CONSTRUCTION
from ...hypotheses import EXACT_ADJOINTS, HAS_MINIMISER
from ...rule import THE_MINIMISER, Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import padded
from ._data_term import CONVEX_REST, SQUARED_DATA_TERM, Y_ENTERS_ONCE, about_a_variational_model, squared


def stability_constant(least: float, largest: float) -> float:
    """C of |A (u1 - u2)| <= C |y1 - y2| for weights in [least, largest], least > 0; exactly 1 for equal ones."""
    return 1.0 if least == largest else padded(math.sqrt(largest) / math.sqrt(least))


def _every_sample(setting: Setting) -> tuple[Premise, ...]:
    found = squared(setting)
    if found is None:  # which is a premise of its own
        return ()
    least = min(found.scale, found.least)
    premise = Premise(
        statement="c > 0 and W > 0: every sample counts",
        holds=least > 0,
        basis=BY_CONSTRUCTION,
        value=least,
        how="the smaller of c and the least weight",
        remedy="leave out the samples of weight 0, by an operator that does not take them",
    )
    return (premise,)


def _conclusion(setting: Setting) -> Conclusion:
    found = squared(setting)
    assert found is not None
    constant = stability_constant(found.least, found.largest)
    exact = constant == 1
    return Conclusion(
        statement="minimisers u1, u2 of measurements y1, y2 have "
        + ("|A (u1 - u2)| <= |y1 - y2|" if exact else "|W^(1/2) A (u1 - u2)| <= |W^(1/2) (y1 - y2)|"),
        params={"constant": constant},
        value=constant,
        how="whatever the weight of R" if exact else "in the norm without W: (max W / min W)^(1/2)",
        part=THE_MINIMISER,
    )


VARIATIONAL_STABILITY = Rule(
    name="variational-stability",
    statement="variational reconstruction is stable: A u1 and A u2 of two minimisers are no farther apart than the "
    "measurements",
    formula="|W^(1/2) A (u1 - u2)| <= |W^(1/2) (y1 - y2)|, so that |A (u1 - u2)| <= (max W / min W)^(1/2) |y1 - y2|",
    source="dissertation, introduction, the inequality before eq. 5",
    about=about_a_variational_model,
    premises=(
        SQUARED_DATA_TERM,
        Hypothesis(statement="c > 0 and W > 0: every sample counts", concerns=("data",), evaluate=_every_sample),
        Y_ENTERS_ONCE,
        CONVEX_REST,
        EXACT_ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="stable",
    conclude=_conclusion,
    further=True,
)
