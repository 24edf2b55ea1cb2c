"""Landweber's iteration, for stopping early: the number of steps is the regularisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.affine import AffineSet
from ...functionals.algebra import Scaled, split_composition, terms_of
from ...functionals.base import Functional, Proximable, as_float
from ...functionals.data_fidelity import check_measurement
from ...functionals.indicators import Ball, Box
from ...functionals.linfinity import L1Ball
from ...functionals.norms import SquaredL2
from ...functionals.simplex import Simplex
from ...functionals.zero import Zero
from ...operators.base import LinearOperator, Operator
from ...operators.norm import Interval
from ...operators.space import Space, norm
from ..base import Optimality, Solver, checked_step_size
from ..problems import Problem
from .gradient_descent import first_scale
from .proximal_gradient import ProximalGradientState, forward_backward_residual

#: Indicators, whose proximal maps are projections whatever the step.
_SETS = (AffineSet, Ball, Box, L1Ball, Simplex)


@dataclass(frozen=True, eq=False, repr=False)
class Misfit(Functional):
    """0.5 |F(x) - y|^2 for an operator F that need not be linear; of linear ones ``least_squares`` knows more.

    Raises: ShapeError if y is not a batch of the codomain; DataError if it is not finite.
    """

    operator: Operator
    y: Tensor

    def __post_init__(self) -> None:
        self.operator.codomain.check(self.y, "Misfit: measurement")
        check_measurement(self.y, "Misfit")

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def functional(self) -> SquaredL2:
        """What is applied to F(x)."""
        return SquaredL2(self.y)

    def _value(self, x: Tensor) -> Tensor:
        return self.functional.value(self.operator.forward(x))


@dataclass(frozen=True, eq=False)
class MisfitProblem(Problem):
    """minimise (weight/2) |F(x) - y|^2 over a convex set, the indicator of which is ``projection``."""

    operator: Operator
    y: Tensor
    weight: float | Tensor
    projection: Proximable


@dataclass(frozen=True)
class Landweber(Solver[MisfitProblem, ProximalGradientState]):
    """x <- P(x - step_size * c F'(x)*(F(x) - y)) for the objective (c/2) |F(x) - y|^2 [+ the indicator of a set].

    For a linear F = A without a set, k steps from zero apply the filter factors 1 - (1 - step_size c s^2)^k to the
    singular values s: small ones enter late, so that on an ill-posed problem with noise the error falls and then rises
    again. Stop it with ``Discrepancy`` at ``check_every=1`` and ``rtol=0``; for steps up to 1/(c |A|^2) that is a
    regularisation method of optimal order (Engl, Hanke, Neubauer). Run to the end it is gradient descent.
    P is the projection onto the set of the objective (a ``Box``, ``Ball``, ``Simplex``, ...): projected Landweber.

    step_size: in (0, 2/(c |A|^2)); None is 1/(c |A|^2), by the upper bound of |A|. A nonlinear F (``Misfit``) needs a
        number below 1/(c |F'|^2) near the solution, and converges from nearby under the tangential cone condition
        (Hanke, Neubauer, Scherzer 1995); nothing here checks either.
    Residual and scale as in ``ProximalGradient``. Cost: one F and one F'* a step, one more of each at a start other
    than zero.

    Source: Landweber (1951); Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Section 6.1.
    """

    form = MisfitProblem

    step_size: float | None = None

    def prepare(self, objective: Functional) -> MisfitProblem:
        return _as_misfit(objective)

    def step_size_for(self, problem: MisfitProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 2/L), or F is not linear and none is given.
        """
        lipschitz: Interval | None = None
        if isinstance(problem.operator, LinearOperator):
            size = problem.operator.norm()
            lipschitz = (size * size).scaled(as_float(problem.weight))
        return checked_step_size(self.step_size, lipschitz, 2.0, 1.0, "Landweber")

    def init(self, problem: MisfitProblem, x0: Tensor | None) -> ProximalGradientState:
        step_size = self.step_size_for(problem)
        x = problem.start(x0, "Landweber")
        with torch.no_grad():
            at_zero = None if x0 is None else norm(_gradient(problem, torch.zeros_like(x)))
        return ProximalGradientState(x, x, None, None, at_zero, step_size)

    def step(self, problem: MisfitProblem, state: ProximalGradientState) -> ProximalGradientState:
        gradient = _gradient(problem, state.x)
        reference = first_scale(gradient, state.reference) if state.gradient is None else state.reference
        x = problem.projection.prox(state.x - state.step_size * gradient, 1.0)
        return ProximalGradientState(x, x, state.x, gradient, reference, state.step_size)

    def solution(self, state: ProximalGradientState) -> Tensor:
        return state.x

    def optimality(self, problem: MisfitProblem, state: ProximalGradientState) -> Optimality:
        return forward_backward_residual(state)

    def objective(self, problem: MisfitProblem, state: ProximalGradientState) -> Tensor:
        return problem.objective.value(state.x)


def _gradient(problem: MisfitProblem, x: Tensor) -> Tensor:
    return problem.weight * problem.operator.vjp(x, problem.operator.forward(x) - problem.y)


def _as_misfit(objective: Functional) -> MisfitProblem:
    """Raises: ConfigError unless the terms are one misfit and at most one indicator."""
    misfits: list[tuple[float | Tensor, Operator, Tensor]] = []
    sets: list[Proximable] = []
    for term in terms_of(objective):
        weight, inner, operator = split_composition(term)
        if isinstance(inner, Scaled):
            weight, inner = weight * inner.weight, inner.functional
        if isinstance(inner, Misfit):
            misfits.append((weight, inner.operator, inner.y))
        elif type(inner) is SquaredL2 and operator is not None and inner.centre is not None:
            misfits.append((weight, operator, inner.centre))
        elif isinstance(inner, _SETS) and type(inner) in _SETS and operator is None:
            sets.append(inner)
        else:
            raise ConfigError(
                f"Landweber: term {term!r} is neither a misfit nor the indicator of a set, expected least squares and "
                f"at most one of {', '.join(kind.__name__ for kind in _SETS)}. Use core/proximal-gradient."
            )
    if len(misfits) != 1 or len(sets) > 1:
        raise ConfigError(
            f"Landweber: there are {len(misfits)} misfits and {len(sets)} sets, expected 1 and at most 1. "
            "Stack the operators, or use core/pdhg."
        )
    (factor, forward, y), projection = misfits[0], sets[0] if sets else Zero()
    return MisfitProblem(objective, forward, y, factor, projection)
