"""FISTA, the accelerated proximal gradient method, and FISTA that starts its momentum anew where it leads uphill."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...functionals.base import Functional
from ...operators.space import per_image
from ..base import Optimality, Solver, checked_step_size
from ..problems import CompositeProblem, as_composite
from .gradient_descent import gradient_scale
from .line_search import real_inner
from .proximal_gradient import ProximalGradientState, forward_backward, forward_backward_residual


@dataclass(frozen=True)
class FISTA(Solver[CompositeProblem, ProximalGradientState]):
    """x+ = prox_g(z - tau gradient f(z), tau);  t+ = (1 + sqrt(1 + 4 t^2)) / 2;  z+ = x+ + (t - 1) / t+ (x+ - x).

    step_size: tau in (0, 1/L]; None is 1/L with L the upper bound of the Lipschitz constant of the gradient of f.
    Residual, scale and cost as in ``ProximalGradient``; the residual is that of the step from z.

    Source: Beck, Teboulle (2009), eqs. 4.1-4.3.
    """

    form = CompositeProblem

    step_size: float | None = None

    def prepare(self, objective: Functional) -> CompositeProblem:
        return as_composite(objective, "FISTA")

    def step_size_for(self, problem: CompositeProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 1/L].
        """
        return checked_step_size(self.step_size, problem.smooth.smoothness(), 1.0, 1.0, "FISTA")

    def init(self, problem: CompositeProblem, x0: Tensor | None) -> ProximalGradientState:
        step_size = self.step_size_for(problem)
        return momentum_start(problem.start(x0, "FISTA"), gradient_scale(problem.smooth, x0), step_size)

    def step(self, problem: CompositeProblem, state: ProximalGradientState) -> ProximalGradientState:
        x, gradient, reference = forward_backward(problem, state)
        assert state.t is not None
        t = (1 + (1 + 4 * state.t**2).sqrt()) / 2
        ahead = x + per_image((state.t - 1) / t, x) * (x - state.x)
        return ProximalGradientState(x, ahead, state.ahead, gradient, reference, state.step_size, t)

    def solution(self, state: ProximalGradientState) -> Tensor:
        return state.x

    def optimality(self, problem: CompositeProblem, state: ProximalGradientState) -> Optimality:
        return forward_backward_residual(state)

    def objective(self, problem: CompositeProblem, state: ProximalGradientState) -> Tensor:
        return problem.objective.value(state.x)


@dataclass(frozen=True)
class RestartedFISTA(Solver[CompositeProblem, ProximalGradientState]):
    """FISTA whose momentum starts anew (t+ = 1, z+ = x+) where Re <z - x+, x+ - x> > 0.

    There the momentum x+ - x points against the step from z, so uphill. Each image restarts alone. No constant of
    strong convexity is needed for the linear rate that the restarts recover in practice, where FISTA oscillates; for
    this test the paper proves no rate, so that no theorem is claimed of it.
    step_size, residual, scale and cost as in ``FISTA``.

    Source: O'Donoghue, Candes (2015), Section 3.2, the gradient scheme for composite functions.
    """

    form = CompositeProblem

    step_size: float | None = None

    def prepare(self, objective: Functional) -> CompositeProblem:
        return as_composite(objective, "RestartedFISTA")

    def step_size_for(self, problem: CompositeProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 1/L].
        """
        return checked_step_size(self.step_size, problem.smooth.smoothness(), 1.0, 1.0, "RestartedFISTA")

    def init(self, problem: CompositeProblem, x0: Tensor | None) -> ProximalGradientState:
        step_size = self.step_size_for(problem)
        x = problem.start(x0, "RestartedFISTA")
        return momentum_start(x, gradient_scale(problem.smooth, x0), step_size)

    def step(self, problem: CompositeProblem, state: ProximalGradientState) -> ProximalGradientState:
        x, gradient, reference = forward_backward(problem, state)
        assert state.t is not None
        uphill = real_inner(state.ahead - x, x - state.x) > 0
        t = torch.where(uphill, 1.0, (1 + (1 + 4 * state.t**2).sqrt()) / 2)
        momentum = torch.where(uphill, 0.0, (state.t - 1) / t)
        ahead = x + per_image(momentum, x) * (x - state.x)
        return ProximalGradientState(x, ahead, state.ahead, gradient, reference, state.step_size, t)

    def solution(self, state: ProximalGradientState) -> Tensor:
        return state.x

    def optimality(self, problem: CompositeProblem, state: ProximalGradientState) -> Optimality:
        return forward_backward_residual(state)

    def objective(self, problem: CompositeProblem, state: ProximalGradientState) -> Tensor:
        return problem.objective.value(state.x)


def momentum_start(x: Tensor, reference: Tensor | None, step_size: float) -> ProximalGradientState:
    """The state before the first step, with t = 1 for each image."""
    t = torch.ones(len(x), dtype=torch.float64, device=x.device)
    return ProximalGradientState(x, x, None, None, reference, step_size, t)
