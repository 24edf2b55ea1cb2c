"""Fixed points x = T(x, theta): solved without a graph, differentiated implicitly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError, ConvergenceError
from ..functionals.base import Functional
from ..functionals.data_fidelity import check_measurement
from ..operators.space import norm
from ..solvers.base import Solver
from ..solvers.solution import Solution
from ..solvers.solve import solve
from .base import AdjointSettings, Differentiation, check_count, logger, warn_if_unconverged
from .iterations import Anderson, Broyden, Iteration, Picard
from .jacobian_free import JacobianFree
from .linear_solvers import LinearSolver
from .maps import map_of
from .parameters import Parameters, parameters_of, vjp
from .root import Equation, attach

#: |T(z) - z| / |z| above which the duals of a solver are not those of the map, or its solution is far away.
_LARGEST_DEFECT = 1e-2

_ITERATIONS: dict[str, Iteration] = {"anderson": Anderson(), "broyden": Broyden(), "picard": Picard()}


@dataclass(frozen=True, kw_only=True, eq=False)
class ImplicitFixedPoint(AdjointSettings, Differentiation):
    """The derivative of x* = T(x*, theta) from (1 - J*) q = gradient of the loss, J = dT/dx at x*.

        gradient in theta = d/dtheta Re <T(x*, theta), q>

    For an objective T is the map of its solver: the proximal gradient map of f + g, or the step of PDHG on image and
    duals. At a kink of a proximal map it is what autograd says there: one element of the conservative Jacobian.

    linear_solver: ``gmres`` needs no contraction; ``neumann`` needs |J| < 1; ``anderson`` and ``broyden`` lie between.
    step_size: of the proximal gradient map, in (0, 2/L); None is 1/L. The derivative does not depend on it.

    Raises: ConfigError if a setting is outside its range, or the objective has no such map.
    Source: Bai, Kolter, Koltun (2019), Theorem 1; Bolte, Le, Pauwels, Silveti-Falls (2021) for nonsmooth maps.
    """

    linear_solver: str | LinearSolver = "gmres"
    step_size: float | None = None

    def solve(
        self,
        objective: Functional,
        solver: Solver[Any, Any],
        x0: Tensor | None,
        theta: Iterable[Tensor] | nn.Module,
        settings: dict[str, Any],
    ) -> Solution:
        problem = solver.prepare(objective)
        objective = problem.objective  # that of all unknowns, where there are more than the image
        parameters = parameters_of(objective, theta, "ImplicitFixedPoint")
        with torch.no_grad():
            solution = solve(problem, solver, x0, **settings)
        if not torch.is_grad_enabled():
            return solution
        step = map_of(objective, solver, solution.state, self.step_size)
        with torch.no_grad():
            z = step.pack(solver.solution(solution.state), solution.state)
        image = step.apply(objective, z)
        parameters.check_reached(image, "ImplicitFixedPoint")
        warn_if_unconverged(solution, "ImplicitFixedPoint")
        defect = float(((norm(image.detach() - z)) / norm(z).clamp_min(torch.finfo(torch.float64).tiny)).sum())
        if defect > _LARGEST_DEFECT:
            logger.warning(
                "ImplicitFixedPoint: the state of %s is no fixed point of %s (relative distance %.2g): the gradient is "
                "that at another point. Lower rtol, or use another solver.",
                type(solver).__name__,
                type(step).__name__,
                defect,
            )
        if not parameters.all:
            return solution
        z = attach(FixedPointEquation(step.apply, parameters, self), z)
        return replace(solution, x=problem.image(step.unknown(z)))


@dataclass(frozen=True, eq=False)
class FixedPointEquation(Equation):
    """x - T(x, theta) = 0, with T = ``apply(thing, x)``."""

    apply: Callable[[Any, Tensor], Tensor]
    parameters: Parameters
    settings: ImplicitFixedPoint

    def residual(self, thing: Any, x: Tensor) -> Tensor:
        return x - self.apply(thing, x)

    def adjoint_product(self, thing: Any, x: Tensor, q: Tensor) -> Tensor:
        return q - vjp(self.apply(thing, x), (x,), q, create_graph=True)[0]

    def solve_adjoint(self, x: Tensor, v: Tensor) -> Tensor:
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            image = self.apply(self.parameters.thing, point)
        return self.settings.invert(lambda q: q - vjp(image, (point,), q)[0], v, start=self.settings.start)

    def solve_tangent(self, x: Tensor, v: Tensor) -> Tensor:
        with torch.enable_grad():
            point, dummy = x.detach().requires_grad_(), torch.zeros_like(x, requires_grad=True)
            # J* u is linear in u, so that its own transpose is J: a Jacobian-vector product by two reverse passes.
            pulled = vjp(self.apply(self.parameters.thing, point), (point,), dummy, create_graph=True)[0]
        return self.settings.invert(lambda p: p - vjp(pulled, (dummy,), p)[0], v)


@dataclass(frozen=True, eq=False)
class FixedPointSolution:
    """x = T(x) to the tolerance, with a graph to the tensors of the map; and per image (batch,), without a graph:

    residual: |T(x) - x| / |T(x)|.   steps: applications of T.   converged: whether residual <= rtol.
    """

    x: Tensor
    residual: Tensor
    steps: Tensor
    converged: Tensor

    def require_converged(self) -> FixedPointSolution:
        """This solution.

        Raises: ConvergenceError if an image did not reach the tolerance.
        """
        if not bool(self.converged.all()):
            raise ConvergenceError(
                f"fixed_point: {int((~self.converged).sum())} of {len(self.converged)} images have relative residual "
                f"{float(self.residual.nan_to_num(nan=torch.inf).max()):.3g} after {int(self.steps.max())} steps, "
                "expected that of rtol. Raise max_steps, or make the map a contraction."
            )
        return self


def fixed_point(
    function: Callable[[Tensor], Tensor],
    x0: Tensor,
    *,
    theta: Iterable[Tensor] | nn.Module = (),
    solver: str | Iteration = "anderson",
    how: ImplicitFixedPoint | JacobianFree | None = None,
    rtol: float = 1e-6,
    max_steps: int = 200,
) -> FixedPointSolution:
    """x* = T(x*) for any map T of a batch that treats each image alone, with gradients to what T depends on.

    function: x -> T(x). The parameters of an ``nn.Module`` and the tensors of an operator are found; those of a closure
        are named in ``theta``.   x0: start, (batch, ...).
    solver: ``anderson``, ``broyden``, ``picard`` or an ``Iteration``.   how: ``ImplicitFixedPoint()`` (if None) or
        ``JacobianFree()``.   rtol: |T(x) - x| <= rtol |T(x)| for each image.

    Raises: ConfigError if a setting is outside its range, or T depends on a tensor that is not known; DataError if x0
    is not finite.
    """
    if not 0 < rtol < 1:
        raise ConfigError(f"fixed_point: rtol is {rtol}, expected a number in (0, 1). Use 1e-6.")
    check_count(max_steps, "max_steps", "fixed_point")
    if isinstance(solver, str) and solver not in _ITERATIONS:
        raise ConfigError(f"fixed_point: solver is {solver!r}, expected one of {', '.join(_ITERATIONS)}. Choose one.")
    check_measurement(x0, "fixed_point: x0")
    iteration = _ITERATIONS[solver] if isinstance(solver, str) else solver
    parameters = parameters_of(function, theta, "fixed_point")
    found = iteration.solve(function, x0.detach(), rtol=rtol, max_steps=max_steps)
    solution = FixedPointSolution(found.x, found.residual, found.steps, found.converged)
    if not torch.is_grad_enabled():
        return solution
    parameters.check_reached(function(found.x), "fixed_point")
    if not bool(found.converged.all()):
        logger.warning(
            "fixed_point: %d of %d images did not converge (worst relative residual %.2g); their gradients are those "
            "at another point. Raise max_steps, or loosen rtol.",
            int((~found.converged).sum()),
            len(found.converged),
            float(found.residual.nan_to_num(nan=torch.inf).max()),
        )
    if not parameters.all:
        return solution
    if isinstance(how, JacobianFree):
        x = found.x
        for _ in range(how.steps):
            x = function(x)
        return replace(solution, x=x)
    equation = FixedPointEquation(lambda thing, x: thing(x), parameters, how or ImplicitFixedPoint())
    return replace(solution, x=attach(equation, found.x))
