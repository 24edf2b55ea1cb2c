"""The conjugate gradient method."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..functionals.base import Functional
from ..operators.space import norm, per_image
from .base import Optimality, Solver
from .problems import LinearProblem, as_linear


@dataclass(frozen=True)
class ConjugateGradientState:
    """x, the residual r = b - H x, the search direction p, and |r|^2."""

    x: Tensor
    r: Tensor
    p: Tensor
    squared: Tensor


@dataclass(frozen=True)
class ConjugateGradient(Solver[LinearProblem, ConjugateGradientState]):
    """H x = b for H self-adjoint and positive semidefinite; each image has its own Krylov space.

        a = |r|^2 / <p, H p>;  x <- x + a p;  r <- r - a H p;  p <- r + (|r_new|^2 / |r|^2) p

    Residual: |b - H x| by the recurrence; scale: |b|. Cost: one H a step, so one A and one A* for least squares.
    From zero it finds the least-squares solution of smallest norm: every iterate lies in the range of A*.

    Source: Hestenes, Stiefel (1952); Nocedal, Wright (2006), Algorithm 5.2.
    """

    def prepare(self, objective: Functional) -> LinearProblem:
        return as_linear(objective, "ConjugateGradient")

    def init(self, problem: LinearProblem, x0: Tensor | None) -> ConjugateGradientState:
        x = problem.start(x0, "ConjugateGradient")
        r = problem.rhs if x0 is None else problem.rhs - problem.operator.forward(x)
        return ConjugateGradientState(x, r, r, _squared(r))

    def step(self, problem: LinearProblem, state: ConjugateGradientState) -> ConjugateGradientState:
        hp = problem.operator.forward(state.p)
        a = _ratio(state.squared, _dot(state.p, hp))
        x = state.x + per_image(a, state.x) * state.p
        r = state.r - per_image(a, state.x) * hp
        squared = _squared(r)
        p = r + per_image(_ratio(squared, state.squared), r) * state.p
        return ConjugateGradientState(x, r, p, squared)

    def solution(self, state: ConjugateGradientState) -> Tensor:
        return state.x

    def optimality(self, problem: LinearProblem, state: ConjugateGradientState) -> Optimality:
        return Optimality(state.squared.sqrt(), norm(problem.rhs).expand_as(state.squared))

    def objective(self, problem: LinearProblem, state: ConjugateGradientState) -> Tensor:
        return problem.objective.value(state.x)


def _dot(x: Tensor, z: Tensor) -> Tensor:
    """Re <x, z> of each image."""
    product = x * z.conj()
    return (product.real if product.is_complex() else product).flatten(1).sum(1)


def _squared(x: Tensor) -> Tensor:
    return _dot(x, x)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, 0 where the denominator is not positive: an image that is solved stands still."""
    positive = denominator > 0
    return torch.where(positive, numerator / torch.where(positive, denominator, 1), torch.zeros_like(numerator))
