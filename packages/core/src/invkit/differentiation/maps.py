"""The map whose fixed points are the solutions of an objective, for each form of problem.

composite    T(x) = prox_g(x - tau gradient f(x), tau)
saddle       T(x, y) = (u, v),   u = prox_g(x - tau sum K_i* y_i, tau),
                                 v_i = prox of sigma_i f_i* at y_i + sigma_i K_i (2 u - x)
"""

from __future__ import annotations

import abc
import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from ..functionals.algebra import terms_of
from ..functionals.base import Differentiable, Functional, Proximable
from ..solvers.base import Solver, checked_step_size
from ..solvers.primal_dual.pdhg import PDHG
from ..solvers.problems import as_composite, as_saddle
from .iterations.base import as_real, like


class SolutionMap(abc.ABC):
    """T with T(z*) = z* at a solution; z holds the unknown of the problem and what else the map needs."""

    @abc.abstractmethod
    def pack(self, unknown: Tensor, state: Any) -> Tensor:
        """z* of a finished solve."""

    @abc.abstractmethod
    def unknown(self, z: Tensor) -> Tensor:
        """The unknown in z."""

    @abc.abstractmethod
    def apply(self, objective: Functional, z: Tensor) -> Tensor:
        """T(z) for this objective, with a graph to the tensors it was built from."""


@dataclass(frozen=True)
class ForwardBackward(SolutionMap):
    """The proximal gradient step; a contraction where f is strongly convex."""

    tau: float

    def pack(self, unknown: Tensor, state: Any) -> Tensor:
        return unknown

    def unknown(self, z: Tensor) -> Tensor:
        return z

    def apply(self, objective: Functional, z: Tensor) -> Tensor:
        problem = as_composite(objective, "ImplicitFixedPoint")
        return problem.proximable.prox(z - self.tau * problem.smooth.gradient(z), self.tau)


@dataclass(frozen=True, eq=False)
class PrimalDualStep(SolutionMap):
    """The step of PDHG on image and duals; z holds the real numbers of all of them in a row."""

    tau: float
    sigma: tuple[float, ...]
    template: Tensor

    def pack(self, unknown: Tensor, state: Any) -> Tensor:
        return torch.cat([as_real(unknown), *(as_real(y) for y in state.y)], dim=1)

    def unknown(self, z: Tensor) -> Tensor:
        return like(z[:, : as_real(self.template).shape[1]], self.template)

    def apply(self, objective: Functional, z: Tensor) -> Tensor:
        problem = as_saddle(objective, "ImplicitFixedPoint")
        x = self.unknown(z)
        rest = z[:, as_real(self.template).shape[1] :]
        y = []
        for _, operator in problem.blocks:
            template = operator.codomain.zeros(len(z))
            size = as_real(template).shape[1]
            y.append(like(rest[:, :size], template))
            rest = rest[:, size:]
        ascent = [operator.adjoint(y_i) for (_, operator), y_i in zip(problem.blocks, y, strict=True)]
        x_new = problem.proximable.prox(x - self.tau * functools.reduce(torch.add, ascent), self.tau)
        ahead = 2 * x_new - x
        y_new = [
            f_star.prox(y_i + sigma * operator.forward(ahead), sigma)
            for f_star, sigma, y_i, (_, operator) in zip(problem.conjugates, self.sigma, y, problem.blocks, strict=True)
        ]
        return torch.cat([as_real(x_new), *(as_real(y_i) for y_i in y_new)], dim=1)


def map_of(objective: Functional, solver: Solver[Any, Any], state: Any, step_size: float | None) -> SolutionMap:
    """The proximal gradient map where the objective is f + g, the map of PDHG where that solved it.

    step_size: tau of the proximal gradient map, in (0, 2/L); None is 1/L.
    Raises: ConfigError if the objective has neither form, or its duals are not known.
    """
    rest = [term for term in terms_of(objective) if not isinstance(term, Differentiable)]
    if len(rest) <= 1 and all(isinstance(term, Proximable) for term in rest):
        smooth = as_composite(objective, "ImplicitFixedPoint").smooth
        return ForwardBackward(checked_step_size(step_size, smooth.smoothness(), 2.0, 1.0, "ImplicitFixedPoint"))
    problem = as_saddle(objective, "ImplicitFixedPoint")
    duals = getattr(state, "y", ())
    shapes = [operator.codomain.shape for _, operator in problem.blocks]
    if not isinstance(duals, tuple) or [tuple(dual.shape[1:]) for dual in duals] != shapes:
        raise ConfigError(
            f"ImplicitFixedPoint: {objective!r} has terms f(K x) and was solved by {type(solver).__name__}, whose "
            "state has no dual for each. Solve it with PDHG(), or smooth the term and use Implicit()."
        )
    # Any steps have the same fixed points, and give the same derivative.
    return PrimalDualStep(*PDHG().step_sizes(problem), solver.solution(state))
