"""Gradient descent with the step sizes of Barzilai and Borwein, globalised by a nonmonotone line search."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ...operators.space import norm, per_image
from ..base import Optimality, Solver, select
from ..problems import SmoothProblem, as_smooth
from .line_search import (
    LineSearchState,
    check_decrease,
    check_first_trial,
    line_search_start,
    real_inner,
    value_of,
    value_rounding,
)

#: How far a step may lie from the first one, either way (Raydan's epsilon).
_RANGE = 1e10


@dataclass(frozen=True)
class BarzilaiBorwein(Solver[SmoothProblem, LineSearchState]):
    """x <- x - a g;  a <- |s|^2 / Re <s, d>, s the move of x and d that of the gradient g; each image has its own a.

    A trial is accepted where f(x - a g) <= max of the last ``memory`` values - decrease * a |g|^2; otherwise the image
    stays and tries a / 2 next, so that a step is one trial. For an f with a Lipschitz continuous gradient and bounded
    level sets every limit of the iterates is stationary (Raydan 1997), and a trial is accepted after finitely many.
    The test forgives a rise of eps^(1/2) |f|, which may be rounding; within it the steps are the plain ones, which
    converge for strictly convex quadratics (Raydan 1993) and are not known to for more.
    Steps longer than 2/L enlarge some components on the way, rounding included, by up to the condition number.
    Where the curvature Re <s, d> is not positive the step doubles; it stays within 10^10 of the first, either way.

    step_size: the first trial; None is 1/L where L is known, else 1.   memory: 1 is a monotone search.
    Residual: |gradient f| at x itself; scale: |gradient f(0)|, or that at the start if it is zero. Autograd takes the
    steps for constants. Cost: one value and one gradient a trial (for least squares two A and one A*), and the same
    once at the start.

    Raises: ConfigError if step_size is not positive, decrease not in (0, 1/2), or memory not a whole number >= 1.
    Source: Barzilai, Borwein (1988), the first of their steps; Raydan (1997), the GBB algorithm.
    """

    form = SmoothProblem

    step_size: float | None = None
    memory: int = 10
    decrease: float = 1e-4

    def __post_init__(self) -> None:
        check_first_trial(self.step_size, "BarzilaiBorwein")
        check_decrease(self.decrease, "BarzilaiBorwein")
        if not float(self.memory).is_integer() or self.memory < 1:
            raise ConfigError(
                f"BarzilaiBorwein: memory is {self.memory}, expected a whole number >= 1. Use the default."
            )

    def prepare(self, objective: Functional) -> SmoothProblem:
        return as_smooth(objective, "BarzilaiBorwein")

    def init(self, problem: SmoothProblem, x0: Tensor | None) -> LineSearchState:
        return line_search_start(problem, x0, self.step_size, int(self.memory), "BarzilaiBorwein")

    def step(self, problem: SmoothProblem, state: LineSearchState) -> LineSearchState:
        x = state.x - per_image(state.step_size, state.x) * state.gradient
        gradient, value = problem.smooth.gradient(x), value_of(problem.smooth, x)
        with torch.no_grad():
            highest = state.values.amax(1)
            fall = self.decrease * state.step_size * norm(state.gradient) ** 2
            accepted = (value <= highest - fall + value_rounding(highest, x)) & torch.isfinite(value)
            moved = LineSearchState(
                x,
                gradient,
                torch.cat([value[:, None], state.values[:, :-1]], 1),
                self._next_step(state, x, gradient),
                state.reference,
                state.first,
            )
        kept = replace(state, step_size=state.step_size / 2)
        return select(accepted, moved, kept)

    def _next_step(self, state: LineSearchState, x: Tensor, gradient: Tensor) -> Tensor:
        s = x - state.x
        length, curvature = norm(s) ** 2, real_inner(s, gradient - state.gradient)
        positive = (curvature > 0) & (length > 0)
        step_size = torch.where(positive, length / torch.where(positive, curvature, 1.0), 2 * state.step_size)
        return step_size.clamp(state.first / _RANGE, state.first * _RANGE)

    def solution(self, state: LineSearchState) -> Tensor:
        return state.x

    def optimality(self, problem: SmoothProblem, state: LineSearchState) -> Optimality:
        return Optimality(norm(state.gradient), state.reference)

    def objective(self, problem: SmoothProblem, state: LineSearchState) -> Tensor:
        return problem.objective.value(state.x)
