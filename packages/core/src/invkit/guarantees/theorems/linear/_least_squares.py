"""What theorems about least squares share: the operators of the terms, the spectrum of H, how many steps end it."""

from __future__ import annotations

from ....claims import ASSUMED, BY_CONSTRUCTION, find_claim
from ....functionals.base import Functional
from ....operators.space import Space
from ....solvers.linear.quadratic import LeastSquaresProblem
from ....solvers.problems import Problem
from ...premises import resting_on
from ...rule import Hypothesis, Premise, Setting
from .._numbers import SLACK


def smallest_eigenvalue(objective: Functional) -> float:
    """At most the smallest eigenvalue of H: the modulus that the objective claims, 0 for none."""
    claim = find_claim(objective.claims(), "strongly_convex")
    return 0.0 if claim is None else float(claim.params["modulus"]) * (1 - SLACK)


def most_steps(domain: Space) -> int:
    """At least the number of distinct nonzero eigenvalues of H; an operator that is only real-linear may have 2 n."""
    return domain.size * (2 if domain.is_complex else 1)


def _is_least_squares(setting: Setting) -> Premise:
    assert isinstance(setting.problem, LeastSquaresProblem)
    by_hand = given_by_hand(setting)
    premise = Premise(
        statement="the objective is a sum of squares with weights c_i >= 0",
        holds=True,
        basis=ASSUMED if by_hand else BY_CONSTRUCTION,
        how="the problem was given by hand"
        if by_hand
        else "b = sum_i c_i K_i* d_i then lies in the range of H = sum_i c_i K_i* K_i",
    )
    return resting_on(premise, setting.objective)


SUM_OF_SQUARES = Hypothesis(
    statement="the objective is a sum of squares with weights c_i >= 0", concerns=("form",), evaluate=_is_least_squares
)


def given_by_hand(setting: Setting) -> bool:
    """Whether the problem was not prepared by the solver, so that its parts need not belong together."""
    return isinstance(setting.subject, Problem)
