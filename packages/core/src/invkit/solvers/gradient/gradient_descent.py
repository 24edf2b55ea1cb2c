"""Gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...functionals.base import Differentiable, Functional
from ...operators.space import norm
from ..base import Optimality, Solver, checked_step_size
from ..problems import SmoothProblem, as_smooth


@dataclass(frozen=True)
class GradientDescentState:
    """x, the gradient at the point before it, and the size of the gradient at zero."""

    x: Tensor
    gradient: Tensor | None
    reference: Tensor | None
    step_size: float


@dataclass(frozen=True)
class GradientDescent(Solver[SmoothProblem, GradientDescentState]):
    """x <- x - step_size * gradient f(x).

    step_size: in (0, 2/L); None is 1/L with L the upper bound of the Lipschitz constant of the gradient.
    Residual: |gradient f| at the point before x, which bounds the one at x (for convex f it never increases).
    Scale: |gradient f(0)|, or that at the start if it is zero.
    Cost: one gradient a step, one more for a start other than zero.

    Source: Nesterov (2018), Lectures on Convex Optimization, Theorem 2.1.14.
    """

    form = SmoothProblem

    step_size: float | None = None

    def prepare(self, objective: Functional) -> SmoothProblem:
        return as_smooth(objective, "GradientDescent")

    def step_size_for(self, problem: SmoothProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 2/L).
        """
        return checked_step_size(self.step_size, problem.smooth.smoothness(), 2.0, 1.0, "GradientDescent")

    def init(self, problem: SmoothProblem, x0: Tensor | None) -> GradientDescentState:
        step_size = self.step_size_for(problem)
        x = problem.start(x0, "GradientDescent")
        return GradientDescentState(x, None, gradient_scale(problem.smooth, x0), step_size)

    def step(self, problem: SmoothProblem, state: GradientDescentState) -> GradientDescentState:
        gradient = problem.smooth.gradient(state.x)
        reference = first_scale(gradient, state.reference) if state.gradient is None else state.reference
        return GradientDescentState(state.x - state.step_size * gradient, gradient, reference, state.step_size)

    def solution(self, state: GradientDescentState) -> Tensor:
        return state.x

    def optimality(self, problem: SmoothProblem, state: GradientDescentState) -> Optimality:
        assert state.gradient is not None
        assert state.reference is not None
        return Optimality(norm(state.gradient), state.reference)

    def objective(self, problem: SmoothProblem, state: GradientDescentState) -> Tensor:
        return problem.objective.value(state.x)


def first_scale(gradient: Tensor, at_zero: Tensor | None) -> Tensor:
    """The scale of the residual: |gradient f(0)|, or that at the start where zero is a minimiser already."""
    start = norm(gradient.detach())
    return start if at_zero is None else torch.where(at_zero > 0, at_zero, start)


@torch.no_grad()
def gradient_scale(smooth: Differentiable, x0: Tensor | None) -> Tensor | None:
    """|gradient f(0)| of each image; None for a start at zero, where the first step finds it for nothing."""
    if x0 is None:
        return None
    # The start may be an image where the unknowns are more; see ``Problem.start``.
    zero = torch.zeros_like(x0) if smooth.domain is None else smooth.domain.zeros(len(x0))
    return norm(smooth.gradient(zero))
