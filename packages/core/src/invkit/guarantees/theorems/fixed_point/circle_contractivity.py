"""Steps of a circle contractive Runge-Kutta method along the gradient flow of a smooth convex function."""

from __future__ import annotations

from ....claims import BY_CONSTRUCTION
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most
from ._gradient_flow import BOUNDED_A, INCREASING, LINEAR_A, about_a_step, slack, the_step, way_out


def _radius(setting: Setting) -> float:
    return the_step(setting).tableau.circle_contractivity_radius()


def _contractive(setting: Setting) -> Premise:
    r, tableau = _radius(setting), the_step(setting).tableau
    return Premise(
        statement=f"{tableau!r} is r-circle contractive for an r > 0",
        holds=r > 0,
        basis=BY_CONSTRUCTION,
        value=r,
        how="generalised eigenvalue problem of the tableau, confirmed in rational arithmetic",
        remedy="choose a method with positive weights whose disk is no point: euler, heun, ssprk3, kutta3 or rk4",
    )


def _short(setting: Setting) -> Premise:
    limit = 2 * _radius(setting)
    return slack(the_step(setting), limit, way_out(the_step(setting), limit))


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement=f"the step is nonexpansive: h L |A|^2 <= {at_most(the_step(setting).ratio())}, 2 r = "
        f"{2 * _radius(setting):g}",
        value=_radius(setting),
        lower=True,
        how="r of the method",
    )


CIRCLE_CONTRACTIVITY = Rule(
    name="circle-contractivity",
    statement="a step of an r-circle contractive method for x' = -A* sigma(A x + b) is nonexpansive if "
    "h L |A|^2 <= 2 r",
    formula="|Phi_h(x) - Phi_h(z)| <= |x - z|; r = 1/s for the least s >= 0 with diag(b) a + a^T diag(b) - b b^T + "
    "s diag(b) >= 0",
    source="dissertation, Theorem 3.2.1, Lemma 3.2.1 and Remark 3.2.1; Dahlquist, Jeltsch (1979), Theorem 4.1",
    about=about_a_step,
    premises=(
        Hypothesis(
            statement="the method is r-circle contractive for an r > 0", concerns=("parameter",), evaluate=_contractive
        ),
        INCREASING,
        LINEAR_A,
        BOUNDED_A,
        Hypothesis(statement="h L |A|^2 <= 2 r", concerns=("step_size", "norm_bound"), evaluate=_short),
    ),
    concludes="nonexpansive",
    conclude=_conclusion,
)
