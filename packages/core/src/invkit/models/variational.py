"""Variational reconstruction: the minimiser of a data fidelity plus a weighted regulariser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from ..differentiation import Differentiation, Unrolled, differentiable_solve
from ..errors import ConfigError
from ..functionals.algebra import scale
from ..functionals.base import Functional, check_weight
from ..functionals.data_fidelity import kullback_leibler, l1_fit, least_squares
from ..functionals.indicators import Box
from ..operators.base import LinearOperator
from ..operators.space import Space
from ..solvers.base import Solver
from ..solvers.primal_dual.adaptive_pdhg import AdaptivePDHG
from ..solvers.solution import Solution
from ..solvers.solve import Callback, check_settings, solve
from .base import MinimisingReconstructor

logger = logging.getLogger("invkit")

Regulariser = Callable[[Space], Functional]
DataFidelity = Callable[[LinearOperator, Tensor], Functional]

#: The data fidelities that a configuration may name.
DATA_FIDELITIES: dict[str, DataFidelity] = {
    "least-squares": least_squares,
    "kullback-leibler": kullback_leibler,
    "l1": l1_fit,
}


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When ``solve`` stops: residual <= atol + rtol * scale, looked at every ``check_every`` steps; or max_steps.

    Raises: ConfigError if a tolerance is negative or not finite, or a count is not a whole number >= 1.
    """

    rtol: float = 1e-4
    atol: float = 0.0
    max_steps: int = 1000
    check_every: int = 10

    def __post_init__(self) -> None:
        check_settings(self.atol, self.rtol, self.max_steps, self.check_every)

    def settings(self) -> dict[str, Any]:
        """As keyword arguments of ``solve``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Variational(MinimisingReconstructor):
    """x* = argmin_x F(A x, y) + weight * R(x)  [subject to x >= 0].

    regulariser: a function of the domain that builds R, such as ``invkit.functionals.total_variation``; None is no
        regulariser.   weight: alpha >= 0, in units of the data fidelity over those of R; a 0-d tensor may be learned.
    data_fidelity: a function of (operator, y) that builds F(A x, y), or the name of one: ``least-squares`` (default),
        ``kullback-leibler`` for counts, ``l1`` for outliers. Use functools.partial for one with settings.
    differentiation: how the reconstruction is differentiated, such as ``invkit.differentiation.Implicit()``; gradients
        then reach y and every tensor that operator, regulariser and weight were built from. None: autograd follows
        every step, unless it is off.
    nonnegative: constrain x >= 0 (real images only).   solver: any whose form the objective has.
    stopping: see ``Stopping``.

    Raises: ConfigError if the weight is negative or not finite.
    Source: dissertation, eq. 1.3.
    """

    def __init__(
        self,
        regulariser: Regulariser | None,
        weight: float | Tensor = 1.0,
        *,
        solver: Solver[Any, Any] | None = None,
        nonnegative: bool = False,
        data_fidelity: DataFidelity | str = "least-squares",
        differentiation: Differentiation | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        super().__init__()
        check_weight(weight, "Variational")
        if not isinstance(nonnegative, bool):
            raise ConfigError(
                f"Variational: nonnegative is {nonnegative!r}, expected true or false. Write one of them."
            )
        if regulariser is not None:
            check_regulariser(regulariser, "Variational")
        self.regulariser, self.weight, self.nonnegative = regulariser, weight, nonnegative
        self.data_fidelity = _fidelity(data_fidelity)
        self.differentiation = differentiation
        self.solver: Solver[Any, Any] = solver if solver is not None else AdaptivePDHG()
        self.stopping = stopping or Stopping()

    def objective(self, y: Tensor, operator: LinearOperator) -> Functional:
        """The functional that is minimised.

        Raises: ShapeError if y is not a batch of the operator's codomain; DataError if it is not finite.
        """
        total = self.data_fidelity(operator, y)
        if self.regulariser is not None:
            total = total + scale(self.weight, self.regulariser(operator.domain))
        if self.nonnegative:
            if operator.domain.is_complex:
                raise ConfigError(
                    f"Variational: nonnegative is True for {operator.domain.dtype} images, expected real ones. Drop it."
                )
            total = total + Box(0.0)
        return total

    def used_solver(self) -> Solver[Any, Any]:
        return self.solver

    def with_weight(self, weight: float | Tensor) -> Variational:
        """The same model with another weight.

        Raises: ConfigError if the weight is negative or not finite.
        """
        return Variational(
            self.regulariser,
            weight,
            solver=self.solver,
            nonnegative=self.nonnegative,
            data_fidelity=self.data_fidelity,
            differentiation=self.differentiation,
            stopping=self.stopping,
        )

    def solve(
        self,
        y: Tensor,
        operator: LinearOperator,
        *,
        x0: Tensor | None = None,
        record_objective: bool = False,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> Solution:
        """Minimise, and say how it went: status of each image, residual, history."""
        return solve(
            self.objective(y, operator),
            self.solver,
            x0,
            record_objective=record_objective,
            callback=callback,
            progress=progress,
            **self.stopping.settings(),
        )

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        if self.differentiation is None:
            solution = self.solve(y, operator)
        else:
            objective = self.objective(y, operator)
            # Unrolled takes its own number of steps, for every image.
            settings = {} if isinstance(self.differentiation, Unrolled) else self.stopping.settings()
            solution = differentiable_solve(objective, self.solver, how=self.differentiation, **settings)
        if not solution.converged:
            late = sum(not status.is_success for status in solution.status)
            logger.warning(
                "Variational: %d of %d images did not converge (worst relative residual %.2g). Raise max_steps or "
                "rtol; solve(y, operator) says which.",
                late,
                len(solution.status),
                float(solution.optimality.max()),
            )
        return solution.x


def check_regulariser(regulariser: Any, who: str) -> None:
    """Raises: ConfigError unless it is a function of the domain; a functional is callable too, but on images."""
    if isinstance(regulariser, Functional) or not callable(regulariser):
        raise ConfigError(
            f"{who}: regulariser is {regulariser!r}, expected a function of the domain. "
            "Pass total_variation itself, or functools.partial of it."
        )


def _fidelity(given: DataFidelity | str) -> DataFidelity:
    found = DATA_FIDELITIES.get(given) if isinstance(given, str) else given
    if found is None or not callable(found):
        raise ConfigError(
            f"Variational: data_fidelity is {given!r}, expected one of {', '.join(DATA_FIDELITIES)}, or a function of "
            "(operator, y). Choose one."
        )
    return found
