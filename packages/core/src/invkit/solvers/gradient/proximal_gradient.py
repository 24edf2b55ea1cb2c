"""The proximal gradient method (forward-backward splitting, ISTA)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...functionals.base import Functional
from ...operators.space import norm, per_image, rounding
from ..base import Optimality, Solver, checked_step_size
from ..problems import CompositeProblem, as_composite
from .gradient_descent import first_scale, gradient_scale


@dataclass(frozen=True)
class ProximalGradientState:
    """x, the point z its step was taken from, the gradient there, and the size of the gradient at zero.

    ``t`` is FISTA's counter of each image, None in the plain method; ``ahead`` is the point of the next step; the step
    size is one number for all, or one for each image.
    """

    x: Tensor
    ahead: Tensor
    z: Tensor | None
    gradient: Tensor | None
    reference: Tensor | None
    step_size: float | Tensor
    t: Tensor | None = None


@dataclass(frozen=True)
class ProximalGradient(Solver[CompositeProblem, ProximalGradientState]):
    """x <- prox_g(x - step_size * gradient f(x), step_size).

    step_size: in (0, 2/L); None is 1/L with L the upper bound of the Lipschitz constant of the gradient of f.
    Residual: |z - x| / step_size, with z the point before x; zero exactly at minimisers.
    Scale: |gradient f(0)| + the size of the subgradient of g at x. Cost: one gradient and one prox a step.

    Source: dissertation, Algorithm 4; Combettes, Wajs (2005), Theorem 3.4.
    """

    form = CompositeProblem

    step_size: float | None = None

    def prepare(self, objective: Functional) -> CompositeProblem:
        return as_composite(objective, "ProximalGradient")

    def step_size_for(self, problem: CompositeProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 2/L).
        """
        return checked_step_size(self.step_size, problem.smooth.smoothness(), 2.0, 1.0, "ProximalGradient")

    def init(self, problem: CompositeProblem, x0: Tensor | None) -> ProximalGradientState:
        step_size = self.step_size_for(problem)
        x = problem.start(x0, "ProximalGradient")
        return ProximalGradientState(x, x, None, None, gradient_scale(problem.smooth, x0), step_size)

    def step(self, problem: CompositeProblem, state: ProximalGradientState) -> ProximalGradientState:
        x, gradient, reference = forward_backward(problem, state)
        return ProximalGradientState(x, x, state.ahead, gradient, reference, state.step_size)

    def solution(self, state: ProximalGradientState) -> Tensor:
        return state.x

    def optimality(self, problem: CompositeProblem, state: ProximalGradientState) -> Optimality:
        return forward_backward_residual(state)

    def objective(self, problem: CompositeProblem, state: ProximalGradientState) -> Tensor:
        return problem.objective.value(state.x)


def forward_backward(problem: CompositeProblem, state: ProximalGradientState) -> tuple[Tensor, Tensor, Tensor]:
    """prox_g(z - tau gradient f(z), tau) at z = ``state.ahead``, the gradient, and the scale."""
    gradient = problem.smooth.gradient(state.ahead)
    reference = first_scale(gradient, state.reference) if state.gradient is None else state.reference
    assert reference is not None
    x = problem.proximable.prox(state.ahead - per_image(state.step_size, gradient) * gradient, state.step_size)
    return x, gradient, reference


def forward_backward_residual(state: ProximalGradientState) -> Optimality:
    """|(z - x) / tau|, against |gradient f(0)| and the subgradient (z - x) / tau - gradient f(z) of g at x."""
    assert state.z is not None
    assert state.gradient is not None
    assert state.reference is not None
    mapping = (state.z - state.x) / per_image(state.step_size, state.x)
    # A step below the spacing of the numbers moves nothing: of the gradient, so much may not have been seen.
    unseen = torch.minimum(rounding(state.x) * norm(state.x) / state.step_size, norm(state.gradient))
    return Optimality(norm(mapping) + unseen, state.reference + norm(mapping - state.gradient))
