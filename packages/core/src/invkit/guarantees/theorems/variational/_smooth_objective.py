"""Premises of the theorems about solution maps: an objective that is strongly convex and has a continuous Hessian."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....claims import BY_CONSTRUCTION
from ....functionals.algebra import terms_of
from ....functionals.base import Differentiable, Functional
from ....models.variational import Variational
from ....operators.base import LinearOperator
from ....solvers.fixed_point import FixedPointProblem
from ....solvers.problems import Problem
from ...premises import operators_of, resting_on
from ...rule import Hypothesis, Premise, Setting


def about_an_objective(setting: Setting) -> bool:
    """A variational model, or an objective or a problem with a solver; not what stops early or iterates a map."""
    subject, problem = setting.subject, setting.problem
    posed = isinstance(subject, Variational | Functional | Problem)
    return posed and problem is not None and not isinstance(problem, FixedPointProblem)


def hessian_lipschitz(setting: Setting) -> float | None:
    """L_H of the objective, None if no finite one is known."""
    objective = setting.objective
    found = objective.hessian_lipschitz() if isinstance(objective, Differentiable) else None
    return found if found is not None and math.isfinite(found) else None


def _strongly_convex(setting: Setting) -> Premise:
    modulus = setting.objective.convexity()
    premise = Premise(
        statement="f is strongly convex with a known modulus",
        holds=modulus is not None and modulus > 0,
        basis=BY_CONSTRUCTION,
        value=modulus,
        bound=None if modulus is not None and modulus > 0 else 0.0,
        how="it is not known to be convex" if modulus is None else "",
        remedy="add a multiple of SquaredL2() to the objective",
    )
    return resting_on(premise, setting.objective)


def _rough(objective: Functional) -> str:
    """The terms that are not known to have a continuous Hessian."""
    rough = [
        repr(term)
        for term in terms_of(objective)
        if not (isinstance(term, Differentiable) and term.is_twice_differentiable())
    ]
    return ", ".join(rough)


def _twice_differentiable(setting: Setting) -> Premise:
    rough = _rough(setting.objective)
    premise = Premise(
        statement="f is twice continuously differentiable",
        holds=not rough,
        basis=BY_CONSTRUCTION,
        how=f"of {rough} it is not known" if rough else "",
        remedy="use smooth terms: smoothed_tv for total_variation, SmoothedNorm for Huber, and no constraint",
    )
    return resting_on(premise, setting.objective)


def _curving_operators(objective: Functional) -> Iterator[LinearOperator]:
    """The operators whose norms L_H grows with; that of a quadratic term is 0, whatever the norm."""
    for term in terms_of(objective):
        if isinstance(term, Differentiable) and term.hessian_lipschitz() != 0:
            yield from operators_of(term)


def _bounded_change(setting: Setting) -> Premise:
    found, rough = hessian_lipschitz(setting), _rough(setting.objective)
    premise = Premise(
        statement="the Hessian of f is Lipschitz with a known constant L_H",
        holds=found is not None,
        basis=min((k.norm().basis for k in _curving_operators(setting.objective)), default=BY_CONSTRUCTION),
        value=found,
        how=f"of {rough} none is known" if rough else "",
        remedy="use squares and SmoothedNorm, or let the functional's hessian_lipschitz() return a constant",
    )
    return resting_on(premise, setting.objective)


STRONGLY_CONVEX_OBJECTIVE = Hypothesis(
    statement="f is strongly convex with a known modulus", concerns=("strongly_convex",), evaluate=_strongly_convex
)
TWICE_DIFFERENTIABLE = Hypothesis(
    statement="f is twice continuously differentiable",
    concerns=("twice_differentiable",),
    evaluate=_twice_differentiable,
)
LIPSCHITZ_HESSIAN = Hypothesis(
    statement="the Hessian of f is Lipschitz with a known constant L_H",
    concerns=("twice_differentiable",),
    evaluate=_bounded_change,
)
