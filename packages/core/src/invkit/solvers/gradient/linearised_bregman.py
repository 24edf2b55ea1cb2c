"""The linearised Bregman iteration: sparse solutions of A x = y, or early stopping that shrinks less than a penalty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import Scaled, split_composition, terms_of
from ...functionals.base import Functional, Proximable, as_float
from ...functionals.norms import SquaredL2
from ...functionals.zero import Zero
from ...operators.base import LinearOperator
from ...operators.space import norm
from ..base import Optimality, Solver
from ..problems import Problem
from .gradient_descent import first_scale


@dataclass(frozen=True, eq=False)
class ConstrainedProblem(Problem):
    """minimise J(x) subject to A x = y, or to A*A x = A*y if no x fits; J is ``proximable``."""

    operator: LinearOperator
    y: Tensor
    proximable: Proximable


@dataclass(frozen=True)
class LinearisedBregmanState:
    """x, the dual variable v with x = prox_J(v / mu, 1 / mu), A*(y - A x), and the scale |A* y|."""

    x: Tensor
    v: Tensor
    descent: Tensor
    step_size: float
    reference: Tensor


@dataclass(frozen=True)
class LinearisedBregman(Solver[ConstrainedProblem, LinearisedBregmanState]):
    """v <- v + step_size * A*(y - A x);  x <- prox_J(v / mu, 1 / mu), with mu = quadratic_weight, from v = 0.

    The objective (c/2) |A x - y|^2 + J(x) is read as data and J: c drops out. It solves, for data with a solution,

        minimise J(x) + (mu/2) |x|^2   subject to A x = y,

    and for other data the same subject to A*A x = A*y, by gradient ascent on the dual. Then v lies in the range of A*,
    v - mu x is a subgradient of J at x, and A*(y - A x) = 0 is all that a solution needs. J = weight * L1: if
    weight / mu is large enough, the solution is one of smallest |x|_1 (Cai, Osher, Shen 2009, in the limit).
    On noisy data run to the end it fits the noise: stop it with ``Discrepancy`` at ``check_every=1`` and ``rtol=0``.

    quadratic_weight: mu > 0, in units of J over those of |x|^2.   step_size: in (0, 2 mu / |A|^2); None is mu / |A|^2.
    x0 enters through its part that a dual variable can have, v = mu A*A x0 / |A|^2, so that the limit is the same.
    Residual: |A*(y - A x)|; scale: |A* y|. Cost: one A and one A* a step, and once at the start.

    Raises: ConfigError if quadratic_weight, or the weight c of the data, is not positive.
    Source: Cai, Osher, Shen (2009), Linearized Bregman iterations for compressed sensing; Yin (2010), for the dual;
    Lorenz, Schoepfer, Wenger (2014), for general J.
    """

    form = ConstrainedProblem

    quadratic_weight: float = 1.0
    step_size: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.quadratic_weight < math.inf:
            raise ConfigError(
                f"LinearisedBregman: quadratic_weight is {self.quadratic_weight}, expected a positive number. "
                "Use one that is small against J(x) / |x|^2."
            )

    def prepare(self, objective: Functional) -> ConstrainedProblem:
        return _as_constrained(objective)

    def step_size_for(self, problem: ConstrainedProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 2 mu / |A|^2).
        """
        largest = problem.operator.norm().upper ** 2
        limit = 2 * self.quadratic_weight / largest if largest > 0 else math.inf
        if self.step_size is None:
            return self.quadratic_weight / largest if largest > 0 else 1.0
        if not 0 < self.step_size < limit:
            raise ConfigError(
                f"LinearisedBregman: step_size is {self.step_size:g}, expected one in (0, {limit:.6g}) = "
                f"(0, 2 mu / |A|^2) with mu = {self.quadratic_weight:g} and |A|^2 <= {largest:.6g}. Leave it out."
            )
        return self.step_size

    def init(self, problem: ConstrainedProblem, x0: Tensor | None) -> LinearisedBregmanState:
        step_size = self.step_size_for(problem)
        x = problem.start(x0, "LinearisedBregman")
        operator, largest = problem.operator, problem.operator.norm().upper ** 2
        if x0 is None or largest == 0:
            v = torch.zeros_like(x)
        else:
            v = (self.quadratic_weight / largest) * operator.adjoint(operator.forward(x))
        x = self._primal(problem, v)
        descent = operator.adjoint(problem.y - operator.forward(x))
        with torch.no_grad():
            reference = first_scale(descent, norm(operator.adjoint(problem.y)))
        return LinearisedBregmanState(x, v, descent, step_size, reference)

    def _primal(self, problem: ConstrainedProblem, v: Tensor) -> Tensor:
        return problem.proximable.prox(v / self.quadratic_weight, 1 / self.quadratic_weight)

    def step(self, problem: ConstrainedProblem, state: LinearisedBregmanState) -> LinearisedBregmanState:
        v = state.v + state.step_size * state.descent
        x = self._primal(problem, v)
        descent = problem.operator.adjoint(problem.y - problem.operator.forward(x))
        return LinearisedBregmanState(x, v, descent, state.step_size, state.reference)

    def solution(self, state: LinearisedBregmanState) -> Tensor:
        return state.x

    def optimality(self, problem: ConstrainedProblem, state: LinearisedBregmanState) -> Optimality:
        return Optimality(norm(state.descent), state.reference)

    def objective(self, problem: ConstrainedProblem, state: LinearisedBregmanState) -> Tensor:
        return problem.objective.value(state.x)


def _as_constrained(objective: Functional) -> ConstrainedProblem:
    """Raises: ConfigError unless the terms are one least-squares term of positive weight and at most one proximable."""
    data: list[tuple[LinearOperator, Tensor]] = []
    rest: list[Proximable] = []
    for term in terms_of(objective):
        weight, inner, operator = split_composition(term)
        if isinstance(inner, Scaled):
            weight, inner = weight * inner.weight, inner.functional
        if type(inner) is SquaredL2 and operator is not None and inner.centre is not None:
            if as_float(weight) == 0:
                raise ConfigError(
                    "LinearisedBregman: the weight of the least-squares term is 0, expected a positive one, because "
                    "the data are fitted whatever it is. Use another weight."
                )
            data.append((operator, inner.centre))
        elif isinstance(term, Proximable):
            rest.append(term)
        else:
            raise ConfigError(
                f"LinearisedBregman: term {term!r} has no proximal map in closed form, expected least squares and one "
                "that has. Use core/pdhg for a penalty instead."
            )
    if len(data) != 1 or len(rest) > 1:
        raise ConfigError(
            f"LinearisedBregman: there are {len(data)} least-squares terms and {len(rest)} others, expected 1 and at "
            "most 1. Stack the operators, or use core/pdhg."
        )
    return ConstrainedProblem(objective, *data[0], rest[0] if rest else Zero())
