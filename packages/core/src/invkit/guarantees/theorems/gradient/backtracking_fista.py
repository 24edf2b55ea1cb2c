"""The rate of FISTA with backtracking, in the number of steps that were accepted and in the number of steps taken."""

from __future__ import annotations

import math

from ....solvers.gradient.backtracking_fista import BacktrackingFISTA
from ....solvers.problems import CompositeProblem
from ...hypotheses import CONVEX_F, CONVEX_G, EXACT_ADJOINTS, HAS_MINIMISER, PROXIMABLE_G, SMOOTH_F, smooth_part
from ...rule import Conclusion, Rule, Setting, solved_by
from .._numbers import SLACK, at_most, padded


def smallest_step(first: float, lipschitz: float) -> float:
    """No step is shorter: every one up to 1/(2L) is accepted, and a rejected one is halved."""
    return min(first, 1 / (4 * lipschitz)) if lipschitz > 0 else first


def most_rejected(first: float, lipschitz: float) -> int:
    """How many steps of an image can be rejected at most: the j-th needs first / 2^(j - 1) > 1/(2L)."""
    ratio = 4 * lipschitz * first * (1 + SLACK)
    return max(0, math.floor(math.log2(ratio))) if ratio > 0 else 0


def backtracking_fista_bound(step_size: float, distance: float, accepted: int) -> float:
    """F(x) - F* after so many accepted steps, none shorter than step_size, for distance = |x_0 - x*|."""
    return 2 * distance**2 / (step_size * (accepted + 1) ** 2)


def _numbers(setting: Setting) -> tuple[float, int]:
    solver, problem, lipschitz = setting.solver, setting.problem, smooth_part(setting).smoothness()
    assert isinstance(solver, BacktrackingFISTA)
    assert isinstance(problem, CompositeProblem)
    assert lipschitz is not None
    first = solver.first_trial(problem)
    return smallest_step(first, lipschitz.upper), most_rejected(first, lipschitz.upper)


def _conclusion(setting: Setting) -> Conclusion:
    tau, lost = _numbers(setting)
    return Conclusion(
        statement="FISTA with backtracking: the objective converges to its minimum, after k accepted steps F(x) - F* "
        f"<= {at_most(padded(2 / tau))} |x_0 - x*|^2 / (k + 1)^2; at most {lost} steps of an image are rejected",
        params={"to": "the minimal objective value"},
        value=tau * (1 - SLACK),
        lower=True,
        how="no step is shorter",
    )


BACKTRACKING_FISTA_RATE = Rule(
    name="backtracking-fista-rate",
    statement="FISTA with backtracking: the objective converges to its minimum like 1/k^2 in the accepted steps",
    formula="F(x_k) - F* <= 2 |x_0 - x*|^2 / (min(first trial, 1/(4L)) (k + 1)^2), k the number of accepted steps",
    source="Beck, Teboulle (2009), Theorem 4.4; the test by gradients implies theirs for a convex f, because "
    "f(z) >= f(x+) - Re <gradient f(x+), x+ - z>",
    about=solved_by(BacktrackingFISTA),
    premises=(CONVEX_F, CONVEX_G, SMOOTH_F, PROXIMABLE_G, EXACT_ADJOINTS, HAS_MINIMISER),
    concludes="convergent",
    conclude=_conclusion,
)
