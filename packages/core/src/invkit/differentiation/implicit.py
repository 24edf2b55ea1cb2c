"""Implicit differentiation of a minimiser: one linear system with the Hessian, whatever solver found it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..functionals.algebra import terms_of
from ..functionals.base import Differentiable, Functional
from ..functionals.hessian_at import hessian_at
from ..functionals.hessian_diagonal import hessian_diagonal
from ..solvers.base import Solver
from ..solvers.solution import Solution
from ..solvers.solve import solve
from .base import AdjointSettings, Differentiation, warn_if_unconverged
from .linear_solvers import LinearSolver
from .parameters import Parameters, parameters_of
from .root import Equation, attach


@dataclass(frozen=True, kw_only=True, eq=False)
class Implicit(AdjointSettings, Differentiation):
    """The derivative of x* = argmin_x f(x, theta) from gradient f(x*, theta) = 0, at the solution that was found.

        gradient in theta = -d/dtheta Re <gradient f(x*, theta), q>,   H(x*) q = gradient of the loss at x*

    preconditioner: ``jacobi`` uses the diagonal of the Hessian where it is cheap; None uses none.
    Memory: that of a few images, whatever the number of steps. Error: of the order of that of x* and of rtol; see
    ``hypergradient`` for an estimate. Second derivatives go through the same formula; third ones raise.

    Raises: ConfigError if a setting is outside its range, or the objective is not differentiable.
    Source: dissertation, section 1.2.3, eq. 1.5; Krantz, Parks (2002), The Implicit Function Theorem.
    """

    linear_solver: str | LinearSolver = "cg"
    preconditioner: Literal["jacobi"] | None = "jacobi"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.preconditioner not in ("jacobi", None):
            raise ConfigError(
                f"Implicit: preconditioner is {self.preconditioner!r}, expected 'jacobi' or None. Choose one."
            )

    def solve(
        self,
        objective: Functional,
        solver: Solver[Any, Any],
        x0: Tensor | None,
        theta: Iterable[Tensor] | nn.Module,
        settings: dict[str, Any],
    ) -> Solution:
        problem = solver.prepare(objective)
        # That of all unknowns, where the objective has more than the image.
        smooth = require_differentiable(problem.objective, "Implicit")
        parameters = parameters_of(smooth, theta, "Implicit")
        with torch.no_grad():
            solution = solve(problem, solver, x0, **settings)
            unknown = solver.solution(solution.state)
        if not torch.is_grad_enabled():
            return solution
        # One gradient with a graph: what it leads to must be known before anyone asks for a derivative.
        parameters.check_reached(smooth.gradient(unknown), "Implicit")
        warn_if_unconverged(solution, "Implicit")
        if not parameters.all:
            return solution
        return replace(solution, x=problem.image(attach(StationaryPoint(smooth, parameters, self), unknown)))


@dataclass(frozen=True, eq=False)
class StationaryPoint(Equation):
    """gradient f(x, theta) = 0; the linearisation is the Hessian, which is its own adjoint."""

    objective: Differentiable
    parameters: Parameters
    settings: Implicit

    def residual(self, thing: Differentiable, x: Tensor) -> Tensor:
        return thing.gradient(x)

    def adjoint_product(self, thing: Differentiable, x: Tensor, q: Tensor) -> Tensor:
        return thing.hessian_vector(x, q)

    def solve_adjoint(self, x: Tensor, v: Tensor) -> Tensor:
        return self._invert(x, v, self.settings.start)

    def solve_tangent(self, x: Tensor, v: Tensor) -> Tensor:
        return self._invert(x, v, None)

    @torch.no_grad()
    def _invert(self, x: Tensor, v: Tensor, start: Tensor | None) -> Tensor:
        return self.settings.invert(
            hessian_at(self.objective, x),
            v,
            preconditioner=jacobi(self.objective, x) if self.settings.preconditioner else None,
            start=start,
        )


@torch.no_grad()
def jacobi(objective: Differentiable, x: Tensor) -> Tensor | None:
    """The diagonal of the Hessian at x with ones where it is not positive; None where it is not cheap."""
    diagonal = hessian_diagonal(objective, x)
    return None if diagonal is None else torch.where(diagonal > 0, diagonal, 1).expand(x.shape)


def require_differentiable(objective: Functional, who: str) -> Differentiable:
    """Raises: ConfigError if a term has no gradient."""
    for term in terms_of(objective):
        if not isinstance(term, Differentiable):
            raise ConfigError(
                f"{who}: term {term!r} has no gradient, expected a differentiable objective. "
                "Use ImplicitFixedPoint(), which differentiates the map of the solver, Unrolled(num_steps), or a "
                "smoothed term."
            )
    assert isinstance(objective, Differentiable)
    return objective
