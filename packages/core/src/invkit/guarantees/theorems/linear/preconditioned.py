"""The convergence theorem of conjugate gradients preconditioned by a diagonal."""

from __future__ import annotations

from torch import Tensor

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....errors import ConfigError
from ....solvers.linear.conjugate_gradient import ConjugateGradient
from ....solvers.linear.pcg import inverse_diagonal
from ....solvers.linear.quadratic import normal_diagonal
from ....solvers.problems import LinearProblem
from ...hypotheses import EXACT_ADJOINTS
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most, factor, padded
from ._least_squares import most_steps, smallest_eigenvalue
from .conjugate_gradient import CONJUGATE_GRADIENT_RATE, conjugate_gradient_factor


def preconditioned_condition(norm: float, smallest: float, inverse: Tensor) -> float:
    """At least the condition number of D^(-1/2) H D^(-1/2): |H| max D / (smallest eigenvalue of H * min D)."""
    return max(padded(norm / smallest * float(inverse.max()) / float(inverse.min())), 1.0)


def _about(setting: Setting) -> bool:
    solver = setting.solver
    preconditioned = type(solver) is ConjugateGradient and solver.preconditioner is not None
    return preconditioned and isinstance(setting.problem, LinearProblem)


def _inverse(setting: Setting) -> Tensor:
    return inverse_diagonal(normal_diagonal(setting.objective, "ConjugateGradient").detach())


def _at_hand(setting: Setting) -> Premise:
    statement = "the preconditioner is diagonal with positive entries"
    try:
        inverse = _inverse(setting)
    except ConfigError as error:
        remedy = "leave preconditioner out, or choose operators that know the diagonal of K*K"
        return Premise(statement=statement, holds=False, basis=ASSUMED, how=str(error), remedy=remedy)
    premise = Premise(
        statement=statement,
        holds=bool((inverse > 0).all()),
        basis=BY_CONSTRUCTION,
        value=float(inverse.min()) if inverse.numel() else None,
        bound=0.0 if inverse.numel() else None,
        how="the smallest of 1 / D, D the diagonal of H",
        remedy="leave preconditioner out",
    )
    return resting_on(premise, setting.objective)


def _conclusion(setting: Setting) -> Conclusion:
    problem, smallest, inverse = setting.problem, smallest_eigenvalue(setting.objective), _inverse(setting)
    assert isinstance(problem, LinearProblem)
    if smallest > 0 and inverse.numel():
        kappa = preconditioned_condition(problem.operator.norm().upper, smallest, inverse)
        q = factor(conjugate_gradient_factor(kappa))
        return Conclusion(
            statement="preconditioned conjugate gradients: the iterates converge to the minimiser, linearly with "
            f"factor {at_most(q)} (condition number of D^(-1/2) H D^(-1/2) <= {at_most(kappa)})",
            params={"to": "the minimiser"},
            value=q,
            how="(sqrt(kappa) - 1) / (sqrt(kappa) + 1)",
        )
    steps = most_steps(problem.operator.domain)
    return Conclusion(
        statement=f"preconditioned conjugate gradients: in at most {steps} steps a minimiser, from zero the one with "
        "the smallest |D^(1/2) x|; no rate, because the smallest eigenvalue of H is not known",
        params={"to": "a minimiser"},
        value=float(steps),
        how="steps",
        formula="x_k = x* for some k <= the number of distinct nonzero eigenvalues of D^-1 H, in exact arithmetic",
    )


_SHARED = tuple(p for p in CONJUGATE_GRADIENT_RATE.premises if "not preconditioned" not in p.statement)

PRECONDITIONED_CONJUGATE_GRADIENT = Rule(
    name="preconditioned-conjugate-gradient",
    statement="preconditioned conjugate gradients: the iterates converge to a minimiser",
    formula="|x_k - x*|_H <= 2 ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^k |x_0 - x*|_H, kappa of D^(-1/2) H D^(-1/2)",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., Section 5.1: it is the plain method for "
    "D^(-1/2) H D^(-1/2)",
    about=_about,
    premises=(
        *(premise for premise in _SHARED if premise is not EXACT_ADJOINTS),
        Hypothesis(
            statement="the preconditioner is diagonal with positive entries", concerns=("form",), evaluate=_at_hand
        ),
        EXACT_ADJOINTS,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
