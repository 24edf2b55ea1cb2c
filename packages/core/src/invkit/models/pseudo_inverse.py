"""The least-squares solution of smallest norm."""

from __future__ import annotations

from torch import Tensor

from ..errors import ConfigError
from ..functionals.base import Functional
from ..functionals.data_fidelity import check_measurement, least_squares
from ..operators.base import HasPseudoInverse, LinearOperator
from ..solvers.linear.conjugate_gradient import ConjugateGradient
from ..solvers.solution import Solution
from ..solvers.solve import Callback, solve
from .base import MinimisingReconstructor


class PseudoInverse(MinimisingReconstructor):
    """x = A^+ y, the minimiser of |A x - y| with the smallest |x|.

    In closed form where the operator has one (``HasPseudoInverse``); otherwise conjugate gradients from zero, whose
    iterates never leave the range of A*. On ill-posed problems it amplifies noise: that is what it is for showing.

    Raises: ConfigError if rtol or max_steps is not positive.
    """

    def __init__(self, *, rtol: float = 1e-6, max_steps: int = 500) -> None:
        super().__init__()
        if not rtol > 0 or max_steps < 1:
            raise ConfigError(
                f"PseudoInverse: rtol is {rtol} and max_steps is {max_steps}, expected both positive. Use the defaults."
            )
        self.rtol, self.max_steps = rtol, max_steps

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        operator.codomain.check(y, "PseudoInverse: measurement")
        check_measurement(y, "PseudoInverse")
        if isinstance(operator, HasPseudoInverse):  # what is_direct says
            return operator.pseudo_inverse(y)
        return self.solve(y, operator).x

    def is_direct(self, operator: LinearOperator) -> bool:
        return isinstance(operator, HasPseudoInverse)

    def objective(self, y: Tensor, operator: LinearOperator) -> Functional:
        return least_squares(operator, y)

    def used_solver(self) -> ConjugateGradient:
        return ConjugateGradient()

    def solve(
        self,
        y: Tensor,
        operator: LinearOperator,
        *,
        record_objective: bool = False,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> Solution:
        """Conjugate gradients from zero, whatever the operator, with status and history."""
        return solve(
            self.objective(y, operator),
            self.used_solver(),
            rtol=self.rtol,
            max_steps=self.max_steps,
            record_objective=record_objective,
            progress=progress,
            callback=callback,
        )
