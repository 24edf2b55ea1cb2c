"""The conjugate gradient method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ...operators.space import norm, per_image, rounding
from ..base import Optimality, Solver
from ..problems import LinearProblem, as_linear
from .pcg import inverse_diagonal
from .quadratic import normal_diagonal


@dataclass(frozen=True)
class ConjugateGradientState:
    """x, the residual r = b - H x, the search direction p, and |r|^2.

    floor: the |r|^2 that is rounding.   curvature: the largest <p, H p> / |p|^2 so far, at most |H|.
    reach: the largest |x| so far.   correlated: <r, M r>, with M = D^-1 in ``inverse``, which is None for M = id.
    """

    x: Tensor
    r: Tensor
    p: Tensor
    squared: Tensor
    floor: Tensor
    curvature: Tensor
    reach: Tensor
    correlated: Tensor
    inverse: Tensor | None


@dataclass(frozen=True)
class ConjugateGradient(Solver[LinearProblem, ConjugateGradientState]):
    """H x = b for H self-adjoint and positive semidefinite; each image has its own Krylov space.

        a = <r, z> / <p, H p>;  x <- x + a p;  r <- r - a H p;  z = M r;  p <- z + (<r_new, z_new> / <r, z>) p

    preconditioner: None for M = id, so <r, z> = |r|^2; "jacobi" for M = D^-1 with D the diagonal of H, which pays where
        the columns of the operators differ in length, as under coils or an uneven weight.
    Residual: |b - H x| by the recurrence, plus eps (|H| max |x| + |b|) by which rounding parts it from the true one
    (Greenbaum 1997, Theorem 1, without its constant); scale: |b|.
    Cost: one H a step, so one A and one A* for least squares.
    From zero and with M = id it finds the least-squares solution of smallest norm: its iterates lie in the range of A*.
    An image stands still (a = 0) once its residual, or the curvature along p, is rounding: a step along what rounding
    left in the null space of H has no bounded length.

    Raises: ConfigError if the preconditioner is unknown.
    Source: Hestenes, Stiefel (1952); Nocedal, Wright (2006), Algorithms 5.2 and 5.3.
    """

    form = LinearProblem

    preconditioner: Literal["jacobi"] | None = None

    def __post_init__(self) -> None:
        if self.preconditioner not in (None, "jacobi"):
            raise ConfigError(
                f"ConjugateGradient: preconditioner is {self.preconditioner!r}, expected None or 'jacobi'. Choose one."
            )

    def prepare(self, objective: Functional) -> LinearProblem:
        return as_linear(objective, "ConjugateGradient")

    def init(self, problem: LinearProblem, x0: Tensor | None) -> ConjugateGradientState:
        x = problem.start(x0, "ConjugateGradient")
        r = problem.rhs if x0 is None else problem.rhs - problem.operator.forward(x)
        squared = _squared(r)
        floor = (_rounding(r) ** 2 * _squared(problem.rhs).detach()).expand_as(squared)
        inverse = None
        if self.preconditioner == "jacobi":
            inverse = inverse_diagonal(normal_diagonal(problem.objective, "ConjugateGradient"))
        z, correlated = _preconditioned(inverse, r, squared)
        curvature, reach = torch.zeros_like(floor), norm(x.detach())
        return ConjugateGradientState(x, r, z, squared, floor, curvature, reach, correlated, inverse)

    def step(self, problem: LinearProblem, state: ConjugateGradientState) -> ConjugateGradientState:
        hp = problem.operator.forward(state.p)
        php, pp = _dot(state.p, hp), _squared(state.p)
        curvature = torch.maximum(state.curvature, _ratio(php, pp).detach())
        moving = (state.squared > state.floor) & (php > _rounding(hp) * curvature * pp)
        a = torch.where(moving, _ratio(state.correlated, php), torch.zeros_like(php))
        x = state.x + per_image(a, state.x) * state.p
        r = state.r - per_image(a, state.x) * hp
        squared = _squared(r)
        z, correlated = _preconditioned(state.inverse, r, squared)
        p = z + per_image(_ratio(correlated, state.correlated), r) * state.p
        reach = torch.maximum(state.reach, norm(x.detach()))
        return ConjugateGradientState(x, r, p, squared, state.floor, curvature, reach, correlated, state.inverse)

    def solution(self, state: ConjugateGradientState) -> Tensor:
        return state.x

    def optimality(self, problem: LinearProblem, state: ConjugateGradientState) -> Optimality:
        size = norm(problem.rhs).expand_as(state.reach)
        largest = problem.operator.norm().upper * state.reach
        size = torch.where(size > 0, size, largest)  # of b = 0 the start says what is small
        drift = rounding(state.r) * (largest + size)
        return Optimality(norm(state.r) + drift, size)

    def objective(self, problem: LinearProblem, state: ConjugateGradientState) -> Tensor:
        return problem.objective.value(state.x)


def _preconditioned(inverse: Tensor | None, r: Tensor, squared: Tensor) -> tuple[Tensor, Tensor]:
    """z = M r and <r, z>."""
    if inverse is None:
        return r, squared
    z = inverse * r
    return z, _dot(r, z)


def _dot(x: Tensor, z: Tensor) -> Tensor:
    """Re <x, z> of each image."""
    product = x * z.conj()
    return (product.real if product.is_complex() else product).flatten(1).sum(1)


def _squared(x: Tensor) -> Tensor:
    return _dot(x, x)


def _rounding(x: Tensor) -> float:
    """A relative size that is rounding in the precision of x."""
    return 4 * torch.finfo(x.dtype).eps


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, 0 where the denominator is not positive: an image that is solved stands still."""
    positive = denominator > 0
    return torch.where(positive, numerator / torch.where(positive, denominator, 1), torch.zeros_like(numerator))
