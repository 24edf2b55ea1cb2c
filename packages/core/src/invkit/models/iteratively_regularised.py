"""Iterative regularisation: descend on the data fidelity alone, and stop before the noise comes back."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from ..errors import ConfigError
from ..functionals.base import Functional
from ..functionals.data_fidelity import check_measurement, least_squares
from ..operators.base import LinearOperator
from ..solvers.base import Solver
from ..solvers.gradient.landweber import Landweber
from ..solvers.solution import Solution
from ..solvers.solve import Callback, solve
from ..solvers.stopping import Discrepancy
from .base import MinimisingReconstructor


class IterativelyRegularised(MinimisingReconstructor):
    """The first iterate of a method for 0.5 |A x - y|^2, from zero, with |A x - y| <= factor * |noise|.

    Such methods converge to the least-squares solution, which is full of noise; on the way they pass good images
    (semiconvergence). Early stopping is the regularisation, and the number of steps its parameter.

    solver: one whose early iterates regularise, such as Landweber (default), CGLS or Kaczmarz.
    noise_std: the standard deviation of the noise in each number of y (for complex data, the root of the mean of
        |noise|^2); |noise| is taken as noise_std * sqrt(samples). None: run exactly ``max_steps`` steps.
    samples: how many numbers of a measurement carry noise; None is all of them. Unsampled k-space is zero and carries
        none.   factor: larger than 1.

    Each image stops by itself; ``solve`` says where. Raises: ConfigError for a setting outside its range.
    Source: Landweber (1951); Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, sections 6.1 and 7.
    """

    def __init__(
        self,
        *,
        solver: Solver[Any, Any] | None = None,
        noise_std: float | None = None,
        samples: int | None = None,
        factor: float = 1.01,
        max_steps: int = 1000,
    ) -> None:
        super().__init__()
        if noise_std is not None and not 0 < noise_std < math.inf:
            raise ConfigError(
                f"IterativelyRegularised: noise_std is {noise_std}, expected a positive number. "
                "Leave it out to run max_steps steps."
            )
        if samples is not None and samples < 1:
            raise ConfigError(f"IterativelyRegularised: samples is {samples}, expected at least 1. Leave it out.")
        if not factor > 1:
            raise ConfigError(f"IterativelyRegularised: factor is {factor}, expected more than 1. Use 1.01.")
        self.solver: Solver[Any, Any] = solver if solver is not None else Landweber()
        self.noise_std, self.samples, self.factor, self.max_steps = noise_std, samples, factor, max_steps

    def objective(self, y: Tensor, operator: LinearOperator) -> Functional:
        return least_squares(operator, y)

    def used_solver(self) -> Solver[Any, Any]:
        return self.solver

    def solve(
        self,
        y: Tensor,
        operator: LinearOperator,
        *,
        record_objective: bool = False,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> Solution:
        """Iterate; the status of an image is DISCREPANCY where the noise level stopped it.

        Raises: ShapeError or DataError if y does not fit.
        """
        operator.codomain.check(y, "IterativelyRegularised: measurement")
        check_measurement(y, "IterativelyRegularised")
        rules = []
        if self.noise_std is not None:
            level = self.noise_std * math.sqrt(self.samples or operator.codomain.size)
            rules.append(Discrepancy(operator, y, level, self.factor))
        return solve(
            self.objective(y, operator),
            self.solver,
            rtol=0.0,
            max_steps=self.max_steps,
            check_every=1 if rules else 10,
            stop_when=rules,
            record_objective=record_objective,
            progress=progress,
            callback=callback,
        )

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        return self.solve(y, operator).x
