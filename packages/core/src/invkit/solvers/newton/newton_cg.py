"""Newton's method with conjugate gradients inside and a backtracking line search outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from ...claims import BY_CONSTRUCTION, Claim
from ...errors import ConfigError
from ...functionals.base import Functional
from ...functionals.hessian_at import hessian_at
from ...functionals.hessian_diagonal import hessian_diagonal
from ...operators.space import norm, per_image, rounding
from ..base import Optimality, Solver, select
from ..gradient.gradient_descent import first_scale, gradient_scale
from ..linear.pcg import dot, patience, pcg
from ..problems import Problem, SmoothProblem, as_smooth
from .forcing import LARGEST, next_forcing


class Belonging:
    """Which problem a state belongs to; no dataclass, so that the choice between states of images leaves it whole."""

    def __init__(self, to: Problem) -> None:
        self.to = to


@dataclass(frozen=True)
class NewtonCGState:
    """x with its value and gradient; the rest is (batch,).

    forcing: the relative residual asked of the next inner solve.   scale: of the residual, |gradient f(0)|.
    inner_steps: steps of conjugate gradients so far, each one product with the Hessian.   problem: the one that value
        and gradient belong to; a step for another one computes them anew, so that x is a warm start for it.
    """

    x: Tensor
    value: Tensor
    gradient: Tensor
    forcing: Tensor
    scale: Tensor
    inner_steps: Tensor
    problem: Belonging


@dataclass(frozen=True)
class NewtonCG(Solver[SmoothProblem, NewtonCGState]):
    """x <- x - step d with f''(x) d = gradient f(x) to a relative residual eta; step the first of 1, tau, tau^2.. with

        f(x - step d) <= f(x) - c step Re <d, gradient f(x)>

    Each image has its own direction, eta and step. eta falls with the gradient (``forcing.py``). Where the Hessian is
    not positive definite the direction is what conjugate gradients found before they noticed, or the gradient.

    preconditioner: "jacobi" divides by the diagonal of the Hessian, where ``hessian_diagonal`` knows it; None does not.
    max_inner: steps of conjugate gradients at most in a step.   backtracking: tau.   armijo: c.
    max_trials: of steps; where f is nearly linear, as a Huber fit far from the data, a full step may be 1e6 times too
        long, for which the 20 of the dissertation are too few.

    Residual: |gradient f(x)|; scale: |gradient f(0)|, or that at the start if it is zero.
    Cost: one product with the Hessian an inner step, one value a trial, one gradient a step, and for Jacobi one K of
    each term f(K x) and a diagonal; a value and a gradient at the start. The host waits once a trial and every five
    inner steps.

    Raises: ConfigError if a setting is outside its range.
    Source: dissertation, section 1.2.2, Algorithm 2; Nocedal, Wright (2006), Algorithm 7.1; Eisenstat, Walker (1996).
    """

    form = SmoothProblem

    preconditioner: Literal["jacobi"] | None = "jacobi"
    max_inner: int = 200
    backtracking: float = 0.5
    armijo: float = 1e-3
    max_trials: int = 60

    def __post_init__(self) -> None:
        if self.preconditioner not in (None, "jacobi"):
            raise ConfigError(
                f"NewtonCG: preconditioner is {self.preconditioner!r}, expected None or 'jacobi'. Choose one."
            )
        check_line_search(self.backtracking, self.armijo, "NewtonCG")
        for name, count in (("max_inner", self.max_inner), ("max_trials", self.max_trials)):
            check_count(count, "NewtonCG", name)

    def claims(self) -> tuple[Claim, ...]:
        return (claim_of_line_search(),)

    def prepare(self, objective: Functional) -> SmoothProblem:
        return as_smooth(objective, "NewtonCG")

    def init(self, problem: SmoothProblem, x0: Tensor | None) -> NewtonCGState:
        return _at(problem, problem.start(x0, "NewtonCG"), x0)

    def step(self, problem: SmoothProblem, state: NewtonCGState) -> NewtonCGState:
        if state.problem.to is not problem:
            state = _at(problem, state.x, state.x)
        f, x, g = problem.smooth, state.x, state.gradient
        diagonal = hessian_diagonal(f, x) if self.preconditioner == "jacobi" else None
        inner = pcg(
            hessian_at(f, x),
            g,
            preconditioner=diagonal,
            rtol=state.forcing.detach(),
            max_steps=self.max_inner,
            check_every=patience(x),
        )
        slope = dot(inner.x, g)
        d = select(slope > 0, inner.x, g)
        slope = torch.where(slope > 0, slope, dot(g, g))
        step, value, accepted = first_step_that_decreases(
            lambda s: f.value(x - per_image(s, x) * d), state.value, slope, x, self
        )
        x = x - per_image(step, x) * d
        gradient = f.gradient(x)
        forcing = next_forcing(norm(gradient.detach()), norm(g.detach()), state.forcing)
        # Where no step was taken the direction was not good enough, whatever the line search says of it.
        forcing = torch.where(accepted, forcing, 0.1 * state.forcing)
        steps = state.inner_steps + inner.steps
        return NewtonCGState(x, value, gradient, forcing, state.scale, steps, state.problem)

    def solution(self, state: NewtonCGState) -> Tensor:
        return state.x

    def optimality(self, problem: SmoothProblem, state: NewtonCGState) -> Optimality:
        return Optimality(norm(state.gradient), state.scale)

    def objective(self, problem: SmoothProblem, state: NewtonCGState) -> Tensor:
        return state.value


def _at(problem: SmoothProblem, x: Tensor, x0: Tensor | None) -> NewtonCGState:
    """The state at x, where x0 is None if that is zero."""
    gradient = problem.smooth.gradient(x)
    scale = first_scale(gradient, gradient_scale(problem.smooth, x0))
    none = torch.zeros_like(scale, dtype=torch.long)
    forcing = torch.full_like(scale, LARGEST)
    return NewtonCGState(x, problem.smooth.value(x), gradient, forcing, scale, none, Belonging(problem))


class LineSearch(Protocol):
    """The settings of a backtracking line search."""

    @property
    def backtracking(self) -> float: ...
    @property
    def armijo(self) -> float: ...
    @property
    def max_trials(self) -> int: ...


def first_step_that_decreases(
    value_at: Callable[[Tensor], Tensor], value: Tensor, slope: Tensor, x: Tensor, search: LineSearch
) -> tuple[Tensor, Tensor, Tensor]:
    """The first step of 1, tau, tau^2.. of each image with value_at(step) <= value - c step slope; the value there.

    Third come the images that found one; the others have step 0. ``x`` says in which precision values are rounded:
    those closer than 10 eps |value| count as equal, for near a minimiser the decrease is less than that.
    """
    accepted = ~torch.isfinite(value)  # a value that is lost already asks for no more trials
    slack = 10 * rounding(x) * value.abs()
    trial, step, new = torch.ones_like(slope), torch.zeros_like(slope), value
    for _ in range(search.max_trials):
        reached = value_at(trial)
        passed = ~accepted & (reached <= value - search.armijo * trial * slope + slack)
        step, new = torch.where(passed, trial, step), torch.where(passed, reached, new)
        accepted = accepted | passed
        if bool(accepted.all()):
            break
        trial = search.backtracking * trial
    return step, new, accepted


def claim_of_line_search() -> Claim:
    """The line search takes no step that it has not seen to decrease the value, whatever the direction."""
    evidence = "only steps whose value is seen not to rise are taken, to 10 roundings of the value; else x stays"
    return Claim(property="descent", basis=BY_CONSTRUCTION, evidence=evidence)


def check_line_search(backtracking: float, armijo: float, who: str) -> None:
    """Raises: ConfigError if a factor is not in its range."""
    for name, value, bound in (("backtracking", backtracking, 1.0), ("armijo", armijo, 0.5)):
        if not 0 < value < bound:
            raise ConfigError(f"{who}: {name} is {value}, expected a number in (0, {bound:g}). Use the default.")


def check_count(count: int, who: str, name: str) -> None:
    """Raises: ConfigError if a count is not a whole number >= 1."""
    if not float(count).is_integer() or count < 1:
        raise ConfigError(f"{who}: {name} is {count}, expected a whole number >= 1. Use the default.")
