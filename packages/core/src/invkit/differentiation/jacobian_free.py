"""Differentiation through the last step alone, as if what it starts from did not depend on the parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..functionals.base import Functional
from ..solvers.base import Solver
from ..solvers.solution import Solution
from ..solvers.solve import solve
from .base import Differentiation, check_count, detached, warn_if_unconverged
from .parameters import not_reached, parameters_of


@dataclass(frozen=True)
class JacobianFree(Differentiation):
    """``steps`` more steps with a graph, from the solution that was found without one. No linear system, and biased.

    With J the derivative of a step in x at the solution, the gradient is that of implicit differentiation with
    1 + J + ... + J^(steps - 1) in place of (1 - J)^{-1}: it is off by a factor of the size of |J|^steps. Exact in the
    limit where J = 0 at the solution, as for Newton steps with the Hessian solved exactly. Not for gradient descent,
    proximal gradients or PDHG, of which the last one also keeps products K x in its state that count as given; and not
    for Newton's method with conjugate gradients inside: the few inner steps near the solution are differentiated as
    they are, and the gradient was off by half on small problems, however close the solution.

    Raises: ConfigError if steps is not a whole number >= 1, or so few that a tensor is not reached by them.
    Source: Fung et al. (2022); Bolte, Pauwels, Vaiter (2023), One-step differentiation.
    """

    steps: int = 1

    def __post_init__(self) -> None:
        check_count(self.steps, "steps", "JacobianFree")

    def solve(
        self,
        objective: Functional,
        solver: Solver[Any, Any],
        x0: Tensor | None,
        theta: Iterable[Tensor] | nn.Module,
        settings: dict[str, Any],
    ) -> Solution:
        problem = solver.prepare(objective)
        with torch.no_grad():
            solution = solve(problem, solver, x0, **settings)
        if not torch.is_grad_enabled():
            return solution
        warn_if_unconverged(solution, "JacobianFree")
        state = detached(solution.state)
        # Another problem object: a solver that keeps a gradient in its state computes it anew, with its graph.
        problem = solver.prepare(objective)
        for _ in range(self.steps):
            state = solver.step(problem, state)
        x = problem.image(solver.solution(state))
        for tensor in not_reached(x, parameters_of(objective, theta, "JacobianFree").all):
            raise ConfigError(
                f"JacobianFree: steps is {self.steps}, expected more, because {type(solver).__name__} keeps products "
                f"of the step before: a tensor of shape {tuple(tensor.shape)} is not reached. Use more, or Implicit()."
            )
        return replace(solution, x=x, state=state)
