"""The convergence theorem of the conjugate gradient method, with a rate where the condition number is known."""

from __future__ import annotations

import math

from ....claims import ASSUMED, BY_CONSTRUCTION, find_claim
from ....solvers.linear.conjugate_gradient import ConjugateGradient
from ....solvers.problems import LinearProblem
from ...hypotheses import EXACT_ADJOINTS
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import at_most, factor, padded
from ._least_squares import SUM_OF_SQUARES, given_by_hand, most_steps, smallest_eigenvalue


def conjugate_gradient_factor(condition_number: float) -> float:
    """q of |x_k - x*|_H <= 2 q^k |x_0 - x*|_H; Nocedal, Wright (2006), eq. 5.36."""
    root = math.sqrt(condition_number)
    return (root - 1) / (root + 1)


def _linear(setting: Setting) -> LinearProblem:
    assert isinstance(setting.problem, LinearProblem)
    return setting.problem


def _resting(premise: Premise, setting: Setting) -> Premise:
    return resting_on(premise, _linear(setting).operator, setting.objective)


def _semidefinite(setting: Setting) -> Premise:
    claims = _linear(setting).operator.claims()
    found = [find_claim(claims, name) for name in ("self_adjoint", "positive_semidefinite")]
    known = [claim for claim in found if claim is not None]
    premise = Premise(
        statement="H is self-adjoint and positive semidefinite",
        holds=len(known) == len(found),
        basis=min((claim.basis for claim in known), default=ASSUMED),
        how="H = sum_i c_i K_i* K_i with c_i >= 0",
        remedy="pose the problem as a sum of squares",
    )
    return _resting(premise, setting)


def _in_range(setting: Setting) -> Premise:
    if given_by_hand(setting):
        how = "the problem was given by hand"
        return Premise(statement="b lies in the range of H", holds=True, basis=ASSUMED, how=how)
    premise = Premise(
        statement="b lies in the range of H", holds=True, basis=BY_CONSTRUCTION, how="b = sum_i c_i K_i* d_i"
    )
    return _resting(premise, setting)


def unpreconditioned(setting: Setting) -> Premise:
    assert isinstance(setting.solver, ConjugateGradient)
    premise = Premise(
        statement="the steps are not preconditioned",
        holds=setting.solver.preconditioner is None,
        basis=BY_CONSTRUCTION,
        how="from the settings",
        remedy="leave preconditioner out: the rate is in the condition number of H, and so is the limit from zero",
    )
    return _resting(premise, setting)


def _bounded(setting: Setting) -> Premise:
    norm = _linear(setting).operator.norm()
    premise = Premise(statement="|H| is bounded", holds=True, basis=norm.basis, value=norm.upper, how=norm.how)
    return _resting(premise, setting)


def _conjugate_gradient_conclusion(setting: Setting) -> Conclusion:
    problem = _linear(setting)
    smallest = smallest_eigenvalue(setting.objective)
    norm = problem.operator.norm()
    if smallest > 0:
        kappa = max(padded(norm.upper / smallest), 1.0)
        q = factor(conjugate_gradient_factor(kappa))
        return Conclusion(
            statement="conjugate gradients: the iterates converge to the minimiser, linearly with factor "
            f"{at_most(q)} (condition number <= {at_most(kappa)})",
            params={"to": "the minimiser"},
            value=q,
            how="(sqrt(kappa) - 1) / (sqrt(kappa) + 1)",
        )
    return Conclusion(
        statement=f"conjugate gradients: in at most {most_steps(problem.operator.domain)} steps a minimiser, from zero "
        "the one of smallest norm; no rate, because the smallest eigenvalue of H is not known",
        params={"to": "the minimiser of smallest norm, from zero"},
        value=float(most_steps(problem.operator.domain)),
        how="steps",
        formula="x_k = x* for some k <= the number of distinct nonzero eigenvalues of H, in exact arithmetic",
        source="Nocedal, Wright (2006), Theorem 5.4; on the range of H for a semidefinite one",
    )


CONJUGATE_GRADIENT_RATE = Rule(
    name="conjugate-gradient-rate",
    statement="conjugate gradients: the iterates converge to a minimiser",
    formula="|x_k - x*|_H <= 2 ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^k |x_0 - x*|_H",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., eq. 5.36",
    about=solved_by(ConjugateGradient),
    premises=(
        Hypothesis(
            statement="H is self-adjoint and positive semidefinite",
            concerns=("self_adjoint", "positive_semidefinite"),
            evaluate=_semidefinite,
        ),
        SUM_OF_SQUARES,
        Hypothesis(statement="b lies in the range of H", concerns=("existence",), evaluate=_in_range),
        Hypothesis(statement="the steps are not preconditioned", concerns=("parameter",), evaluate=unpreconditioned),
        Hypothesis(statement="|H| is bounded", concerns=("norm_bound",), evaluate=_bounded),
        EXACT_ADJOINTS,
    ),
    concludes="convergent",
    conclude=_conjugate_gradient_conclusion,
)
