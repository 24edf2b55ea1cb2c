"""The convergence of gradient descent with Armijo's test on quadratic objectives."""

from __future__ import annotations

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....functionals.algebra import Scaled, split_composition, terms_of
from ....functionals.base import Functional
from ....functionals.norms import SquaredL2
from ....functionals.weighted_squared_l2 import WeightedSquaredL2
from ....solvers.gradient.line_search import ArmijoGradientDescent, first_trial
from ...hypotheses import CONVEX_F, EXACT_ADJOINTS, SMOOTH_F, smooth_part
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import SLACK


def armijo_smallest_step(first: float, decrease: float, lipschitz: float) -> float:
    """No accepted step is shorter: every one up to 2 (1 - decrease) / L is accepted, and a rejected one is halved."""
    return min(first, (1 - decrease) / lipschitz) if lipschitz > 0 else first


def is_quadratic(objective: Functional) -> bool:
    """Whether every term is c sum w |K x - d|^2."""
    for term in terms_of(objective):
        inner = split_composition(term)[1]
        while isinstance(inner, Scaled):
            inner = inner.functional
        if type(inner) not in (SquaredL2, WeightedSquaredL2):
            return False
    return True


def _quadratic(setting: Setting) -> Premise:
    objective = setting.objective
    premise = Premise(
        statement="f is quadratic, so that the tests by values and by slopes are the same",
        holds=is_quadratic(objective),
        basis=BY_CONSTRUCTION if is_quadratic(objective) else ASSUMED,
        how="a sum of squares of c (K x - d)" if is_quadratic(objective) else "a term is no square",
        remedy="choose core/gradient-descent if L is known, core/newton-cg if not",
    )
    return resting_on(premise, objective)


def _conclusion(setting: Setting) -> Conclusion:
    solver, f = setting.solver, smooth_part(setting)
    assert isinstance(solver, ArmijoGradientDescent)
    lipschitz = f.smoothness()
    assert lipschitz is not None
    step = armijo_smallest_step(first_trial(solver.step_size, f), solver.decrease, lipschitz.upper) * (1 - SLACK)
    return Conclusion(
        statement="gradient descent with Armijo's test: the objective never increases, and the iterates converge to "
        "the minimiser nearest to the start",
        params={"to": "the minimiser nearest to the start"},
        value=step,
        lower=True,
        how="no accepted step is shorter",
    )


ARMIJO_QUADRATIC = Rule(
    name="armijo-quadratic",
    statement="gradient descent with Armijo's test on a quadratic objective converges to the minimiser nearest to the "
    "start",
    formula="f(x_k+1) <= f(x_k) - decrease * a_k |gradient f(x_k)|^2 with a_k >= min(first trial, (1 - decrease) / L)",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., Section 3.1; on a quadratic |gradient|^2 >= "
    "2 s (f - f*), s the smallest positive eigenvalue of its Hessian, whose range no step leaves",
    about=solved_by(ArmijoGradientDescent),
    premises=(
        Hypothesis(
            statement="f is quadratic, so that the tests by values and by slopes are the same",
            concerns=("form",),
            evaluate=_quadratic,
        ),
        CONVEX_F,
        SMOOTH_F,
        EXACT_ADJOINTS,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
