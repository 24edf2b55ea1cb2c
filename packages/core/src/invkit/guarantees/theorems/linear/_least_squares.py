"""What theorems about least squares share: the operators of the terms, the spectrum of H, how many steps end it."""

from __future__ import annotations

from ....claims import ASSUMED, find_claim
from ....functionals.base import Functional
from ....operators.space import Space
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


def given_by_hand(setting: Setting) -> bool:
    """Whether the problem was not prepared by the solver, so that its parts need not belong together."""
    return isinstance(setting.subject, Problem)


def _is_least_squares(setting: Setting) -> Premise:
    # Learned weights of a ``WeightedSquaredL2`` may have become negative; it does not claim to be convex then.
    claim = find_claim(setting.objective.claims(), "convex")
    by_hand = given_by_hand(setting)
    if claim is None:
        how = "it does not claim to be convex"
    elif by_hand:
        how = "the problem was given by hand"
    else:
        how = "b = sum_i c_i K_i* d_i then lies in the range of H = sum_i c_i K_i* K_i"
    premise = Premise(
        statement="the objective is a sum of squares with weights >= 0",
        holds=claim is not None,
        basis=ASSUMED if claim is None or by_hand else claim.basis,
        how=how,
        remedy="use weights >= 0",
    )
    return resting_on(premise, setting.objective)


SUM_OF_SQUARES = Hypothesis(
    statement="the objective is a sum of squares with weights >= 0",
    concerns=("form", "convex"),
    evaluate=_is_least_squares,
)
