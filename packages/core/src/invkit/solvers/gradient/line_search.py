"""Gradient descent with steps found by trial: Armijo's test of sufficient decrease, image by image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Differentiable, Functional
from ...operators.space import norm, per_image
from ..base import Optimality, Solver, select
from ..problems import SmoothProblem, as_smooth
from .gradient_descent import first_scale, gradient_scale


@dataclass(frozen=True)
class LineSearchState:
    """x, the gradient and the value there, the step to try next, the size of the gradient at zero, and the first step.

    ``values`` has shape (batch, memory): f at x first, then at the points before it that still count.
    """

    x: Tensor
    gradient: Tensor
    values: Tensor
    step_size: Tensor
    reference: Tensor
    first: Tensor


@dataclass(frozen=True)
class ArmijoGradientDescent(Solver[SmoothProblem, LineSearchState]):
    """x <- x - a gradient f(x) where f(x - a g) <= f(x) - decrease * a |g|^2; then a <- 2 a, else a <- a / 2.

    A step is one trial, so that images that reject theirs never wait for each other: an image whose trial fails stays
    where it is and tries half the step next. Needs no Lipschitz constant; for an L-smooth f every trial below
    2 (1 - decrease) / L is accepted, so steps stay above (1 - decrease) / L once they are, and |gradient f(x_k)| -> 0
    if f is bounded below (f falls by decrease * a |g|^2 each time).
    Where that decrease is lost in the rounding of f, slopes are compared instead, Re <g(x - a g), g> >=
    (2 decrease - 1) |g|^2, which is the same test for a quadratic.

    step_size: the first trial; None is 1/L where L is known, else 1.   decrease: in (0, 1/2).
    Residual: |gradient f| at x itself; scale: |gradient f(0)|, or that at the start if it is zero. Autograd takes the
    steps for constants. Cost: one value and one gradient a trial (for least squares two A and one A*), and the same
    once at the start.

    Source: Armijo (1966); Nocedal, Wright (2006), Section 3.1; slopes: Hager, Zhang (2005), approximate Wolfe.
    """

    form = SmoothProblem

    step_size: float | None = None
    decrease: float = 0.25

    def __post_init__(self) -> None:
        check_first_trial(self.step_size, "ArmijoGradientDescent")
        check_decrease(self.decrease, "ArmijoGradientDescent")

    def prepare(self, objective: Functional) -> SmoothProblem:
        return as_smooth(objective, "ArmijoGradientDescent")

    def init(self, problem: SmoothProblem, x0: Tensor | None) -> LineSearchState:
        return line_search_start(problem, x0, self.step_size, 1, "ArmijoGradientDescent")

    def step(self, problem: SmoothProblem, state: LineSearchState) -> LineSearchState:
        x = state.x - per_image(state.step_size, state.x) * state.gradient
        gradient, value = problem.smooth.gradient(x), value_of(problem.smooth, x)
        with torch.no_grad():
            squared = norm(state.gradient) ** 2
            fall = self.decrease * state.step_size * squared
            before = state.values[:, 0]
            by_slope = real_inner(gradient, state.gradient) >= (2 * self.decrease - 1) * squared
            accepted = torch.where(fall > value_rounding(before, x), value <= before - fall, by_slope)
            accepted = accepted & torch.isfinite(value)
            step_size = state.step_size * torch.where(accepted, 2.0, 0.5)
        moved = LineSearchState(x, gradient, value[:, None], step_size, state.reference, state.first)
        kept = LineSearchState(state.x, state.gradient, state.values, step_size, state.reference, state.first)
        return select(accepted, moved, kept)

    def solution(self, state: LineSearchState) -> Tensor:
        return state.x

    def optimality(self, problem: SmoothProblem, state: LineSearchState) -> Optimality:
        return Optimality(norm(state.gradient), state.reference)

    def objective(self, problem: SmoothProblem, state: LineSearchState) -> Tensor:
        return problem.objective.value(state.x)


def line_search_start(
    problem: SmoothProblem, x0: Tensor | None, step_size: float | None, memory: int, who: str
) -> LineSearchState:
    """The state before the first trial; values that are not there yet are -inf and so never the largest."""
    x = problem.start(x0, who)
    gradient, value = problem.smooth.gradient(x), value_of(problem.smooth, x)
    values = torch.full((len(x), memory), -math.inf, dtype=value.dtype, device=x.device)
    values[:, 0] = value
    first = torch.full_like(value, first_trial(step_size, problem.smooth))
    reference = first_scale(gradient, gradient_scale(problem.smooth, x0))
    return LineSearchState(x, gradient, values, first, reference, first)


def first_trial(given: float | None, smooth: Differentiable) -> float:
    """The step given, or 1/L, or 1."""
    if given is not None:
        return given
    lipschitz = smooth.smoothness()
    return 1 / lipschitz.upper if lipschitz is not None and lipschitz.upper > 0 else 1.0


@torch.no_grad()
def value_of(smooth: Differentiable, x: Tensor) -> Tensor:
    """f(x) in float64, for comparisons only."""
    return smooth.value(x).double()


def value_rounding(value: Tensor, x: Tensor) -> Tensor:
    """Below this, differences of values say nothing: they are sums of squares of numbers rounded like x.

    Of a misfit |r|^2 / 2 the rounding is about eps |y| |r|, so up to the root of eps of the value itself while
    |r| > eps^(1/2) |y|.
    """
    limits = torch.finfo(x.dtype)
    return math.sqrt(limits.eps) * value.abs() + limits.tiny / limits.eps


def real_inner(x: Tensor, z: Tensor) -> Tensor:
    """Re <x, z> of each image, (batch,) in float64: products of float32 numbers would vanish or overflow."""
    if x.is_complex():
        x, z = torch.view_as_real(x.resolve_conj()), torch.view_as_real(z.resolve_conj())
    return (x.double() * z.double()).flatten(1).sum(1)


def check_first_trial(step_size: float | None, who: str) -> None:
    """Raises: ConfigError if a first trial is given and is not a positive number."""
    if step_size is not None and not 0 < step_size < math.inf:
        raise ConfigError(f"{who}: step_size is {step_size}, expected a positive number. Leave it out.")


def check_decrease(decrease: float, who: str) -> None:
    """Raises: ConfigError if the wanted share of the decrease is not in (0, 1/2)."""
    if not 0 < decrease < 0.5:
        raise ConfigError(f"{who}: decrease is {decrease}, expected a number in (0, 0.5). Leave it out.")
