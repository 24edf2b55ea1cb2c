"""Layers x - h A* sigma(A x + b), Euler's steps, are averaged."""

from __future__ import annotations

import math

from ....claims import BY_CONSTRUCTION
from ....operators.nonlinear.gradient_flow_step import averagedness_of
from ....operators.nonlinear.runge_kutta import EULER
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most
from ._gradient_flow import BOUNDED_A, INCREASING, LINEAR_A, about_a_step, slack, the_step, way_out

#: The largest number below 2: alpha = h L |A|^2 / 2 must be below 1.
_BELOW_TWO = math.nextafter(2.0, 0.0)


def _euler(setting: Setting) -> Premise:
    tableau = the_step(setting).tableau
    return Premise(
        statement="the method is Euler's: x - h A* sigma(A x + b)",
        holds=tableau == EULER,
        basis=BY_CONSTRUCTION,
        how=repr(tableau),
        remedy="choose tableau='euler', or mix with the identity: (1 - alpha) id + alpha Phi is averaged",
    )


def _short(setting: Setting) -> Premise:
    step = the_step(setting)
    premise = slack(step, 2.0, way_out(step, 2.0))
    known = averagedness_of(step) is not None if step.tableau == EULER else 0 <= step.ratio() <= _BELOW_TWO
    return Premise(
        statement="h L |A|^2 <= 2 alpha for an alpha in (0, 1)",
        holds=known,
        basis=premise.basis,
        value=premise.value,
        bound=2.0,
        how=premise.how,
        remedy=premise.remedy,
    )


def _conclusion(setting: Setting) -> Conclusion:
    step = the_step(setting)
    alpha = averagedness_of(step)
    assert alpha is not None
    one = step.num_steps == 1
    return Conclusion(
        statement=f"the {'layer is' if one else f'{step.num_steps} steps together are'} {at_most(alpha)}-averaged",
        params={"alpha": alpha},
        value=alpha,
        how="alpha = h L |A|^2 / 2"
        if one
        else "that of one step, composed by Combettes, Yamada (2015), Proposition 2.5",
    )


GRADIENT_FLOW_LAYER_AVERAGED = Rule(
    name="gradient-flow-layer-averaged",
    statement="the layer x - h A* sigma(A x + b) is alpha-averaged if h L |A|^2 <= 2 alpha < 2",
    formula="alpha = h L |A|^2 / 2; of n such layers in a row: n alpha / (1 + (n - 1) alpha)",
    source="dissertation, Theorem 3.2.3; for n layers Combettes, Yamada (2015), Proposition 2.5",
    about=about_a_step,
    premises=(
        Hypothesis(statement="the method is Euler's", concerns=("form",), evaluate=_euler),
        INCREASING,
        LINEAR_A,
        BOUNDED_A,
        Hypothesis(
            statement="h L |A|^2 <= 2 alpha for an alpha in (0, 1)",
            concerns=("step_size", "averaged"),
            evaluate=_short,
        ),
    ),
    concludes="averaged",
    conclude=_conclusion,
)
