"""Reconstructors: every method, learned or not, is called the same way."""

from __future__ import annotations

import abc
from typing import Any, final

from torch import Tensor, nn

from ..claims import Basis, Claim
from ..functionals.base import Functional
from ..operators.base import LinearOperator
from ..solvers.base import Solver
from ..solvers.problems import Problem
from ..solvers.solution import Solution
from ..solvers.solve import Callback
from .calls import basis_of_calls


class Reconstructor(nn.Module, abc.ABC):
    """model(y, operator) -> x, for any operator the method can use.

    y: a batch of the operator's codomain.   x: a batch of its domain. Each image is reconstructed alone.

    A class outside the core that states nothing is assumed to do what it says; its author may state in its own body
    ``basis: ClassVar[Basis] = BY_CONSTRUCTION``.
    """

    @abc.abstractmethod
    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        """Reconstruct.

        Raises: ShapeError if y is not a batch of the operator's codomain; DataError if it is not finite.
        """

    def claims(self) -> tuple[Claim, ...]:
        """What this method states of itself, whatever the operator; theorems about a pair come from ``explain``."""
        return ()


class IterativeReconstructor(Reconstructor):
    """A method that iterates: it poses a problem to a solver, and can say how that went."""

    @abc.abstractmethod
    def problem(self, y: Tensor, operator: LinearOperator) -> Problem:
        """The problem in the form of the solver.

        Raises: ConfigError if the solver cannot take it; ShapeError or DataError if y does not fit.
        """

    @abc.abstractmethod
    def used_solver(self) -> Solver[Any, Any]:
        """The solver that solves it."""

    def is_direct(self, operator: LinearOperator) -> bool:
        """Whether a closed form serves for this operator, so that calling the model iterates nothing."""
        return False

    @abc.abstractmethod
    def solve(
        self,
        y: Tensor,
        operator: LinearOperator,
        *,
        record_objective: bool = False,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> Solution:
        """Reconstruct, with the status of each image, its residual and the history."""


class MinimisingReconstructor(IterativeReconstructor):
    """A method that minimises an objective."""

    @abc.abstractmethod
    def objective(self, y: Tensor, operator: LinearOperator) -> Functional:
        """The functional that is minimised."""

    @final
    def problem(self, y: Tensor, operator: LinearOperator) -> Problem:
        return self.used_solver().prepare(self.objective(y, operator))


def basis_of_model(model: Reconstructor) -> Basis:
    """How strongly it is known that a model does what it says: see ``basis_of_calls``."""
    return basis_of_calls(model)
