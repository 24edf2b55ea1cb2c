"""How a solution is differentiated: a value that is passed along, such as ``Implicit()`` or ``Unrolled(50)``."""

from __future__ import annotations

import abc
import dataclasses
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from ..errors import ConfigError, ConvergenceError
from ..functionals.base import Functional
from ..operators.moving import Movable
from ..solvers.base import Solver
from ..solvers.problems import Problem
from ..solvers.solution import Solution
from .linear_solvers import LinearResult, LinearSolver, linear_solver_named

logger = logging.getLogger("invkit")


class Differentiation(abc.ABC):
    """A way to differentiate the solution of an iterative method. A frozen dataclass of settings."""

    @abc.abstractmethod
    def solve(
        self,
        objective: Functional,
        solver: Solver[Any, Any],
        x0: Tensor | None,
        theta: Iterable[Tensor] | nn.Module,
        settings: dict[str, Any],
    ) -> Solution:
        """The solution, its ``x`` with a graph to the tensors of the objective and to theta.

        settings: those of ``invkit.solvers.solve``.
        Raises: ConfigError if this way does not fit the objective, or a tensor that matters is not known.
        """


@dataclass(frozen=True, kw_only=True, eq=False)
class AdjointSettings:
    """How the linear system of an implicit derivative is solved.

    linear_solver: a name (``cg gmres neumann anderson broyden``) or a ``LinearSolver``.
    rtol: |b - M q| <= rtol * |b| for each image; no smaller than 32 times the rounding of the precision.
    start: q to start from, e.g. that of the last training step; None is zero. It serves the first derivative only.
    callback: called with the ``LinearResult`` of every solve: steps, residual, and q to start from the next time.
    if_unconverged: ``raise`` ConvergenceError, or ``warn`` in the log and go on with what there is.

    Raises: ConfigError if a setting is outside its range.
    """

    linear_solver: str | LinearSolver
    rtol: float = 1e-8
    max_steps: int = 1000
    start: Tensor | None = None
    callback: Callable[[LinearResult], None] | None = None
    if_unconverged: Literal["raise", "warn"] = "raise"

    def __post_init__(self) -> None:
        if not 0 < self.rtol < 1:
            raise ConfigError(f"{type(self).__name__}: rtol is {self.rtol}, expected a number in (0, 1). Use 1e-8.")
        check_count(self.max_steps, "max_steps", type(self).__name__)
        if self.if_unconverged not in ("raise", "warn"):
            raise ConfigError(
                f"{type(self).__name__}: if_unconverged is {self.if_unconverged!r}, expected 'raise' or 'warn'. "
                "Choose one."
            )
        linear_solver_named(self.linear_solver, type(self).__name__)

    @final
    @torch.no_grad()
    def invert(
        self,
        apply: Callable[[Tensor], Tensor],
        b: Tensor,
        *,
        preconditioner: Tensor | None = None,
        start: Tensor | None = None,
    ) -> Tensor:
        """q with M q = b for each image, for M = ``apply``.

        Raises: ConvergenceError if an image does not reach the tolerance and ``if_unconverged`` says so.
        """
        solver = linear_solver_named(self.linear_solver, type(self).__name__)
        result = solver.solve(
            apply,
            b,
            preconditioner=preconditioner,
            x0=start,
            rtol=max(self.rtol, 32 * torch.finfo(b.dtype).eps),
            max_steps=self.max_steps,
        )
        if self.callback is not None:
            self.callback(result)
        if not bool(result.converged.all()):
            late = ~result.converged
            message = (
                f"{type(self).__name__}: the adjoint system of {int(late.sum())} of {len(late)} images has relative "
                f"residual {float(result.residual.nan_to_num(nan=torch.inf).max()):.3g} after "
                f"{int(result.steps.max())} steps of {type(solver).__name__}, expected {self.rtol:g}. The gradient is "
                "as wrong as that. Raise max_steps, loosen rtol, or make the problem strongly convex."
            )
            if self.if_unconverged == "raise":
                raise ConvergenceError(message)
            logger.warning(message)
        return result.x


def check_count(count: int, name: str, who: str) -> None:
    """Raises: ConfigError if a count is not a whole number >= 1."""
    if not float(count).is_integer() or count < 1:
        raise ConfigError(f"{who}: {name} is {count}, expected a whole number >= 1. Use the default.")


def detached(state: Any) -> Any:
    """The state of a solver without its graph."""
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, tuple):
        return tuple(detached(part) for part in state)
    if isinstance(state, Problem | Movable):
        return state
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        names = [field.name for field in dataclasses.fields(state) if field.init]
        return dataclasses.replace(state, **{name: detached(getattr(state, name)) for name in names})
    return state


def warn_if_unconverged(solution: Solution, who: str) -> None:
    """Log how far a solution is from one, for its implicit derivative is as wrong as that."""
    late = [index for index, status in enumerate(solution.status) if not status.is_success]
    if late:
        logger.warning(
            "%s: %d of %d images did not converge (worst relative residual %.2g); their gradients are those at another "
            "point. Raise max_steps, or loosen rtol.",
            who,
            len(late),
            len(solution.status),
            float(solution.optimality.max()),
        )
