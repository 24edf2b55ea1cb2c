"""CGLS: conjugate gradients for least squares on the operators themselves."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ...functionals.base import Functional
from ...operators.space import norm, per_image, rounding
from ..base import Optimality, Solver
from .pcg import dot, ratio
from .quadratic import LeastSquaresProblem, as_least_squares


@dataclass(frozen=True)
class CGLSState:
    """x, the residuals r_i = d_i - K_i x of the terms, the direction p, and squared = |s|^2 of s = sum_i c_i K_i* r_i.

    curvature: the largest <p, H p> / |p|^2 so far, at most |H|.   reach: the largest |x| so far.
    data: (sum_i c_i |d_i|^2)^(1/2).   scale: |sum_i c_i K_i* d_i|.   floor: the |s| that is rounding.
    """

    x: Tensor
    residuals: tuple[Tensor, ...]
    p: Tensor
    squared: Tensor
    curvature: Tensor
    reach: Tensor
    data: Tensor
    scale: Tensor
    floor: Tensor


@dataclass(frozen=True)
class CGLS(Solver[LeastSquaresProblem, CGLSState]):
    """minimise sum_i (c_i / 2) |K_i x - d_i|^2 without K*K; mathematically the iterates of ``ConjugateGradient``.

        q_i = K_i p;  a = |s|^2 / sum_i c_i |q_i|^2;  x <- x + a p;  r_i <- r_i - a q_i
        s = sum_i c_i K_i* r_i;  p <- s + (|s_new|^2 / |s|^2) p

    The residuals in the measurements are at hand (``misfit``), and their rounding is not squared by K*K as in a
    recurrence for b - K*K x: prefer it where K is badly conditioned. A damping (c/2) |x|^2 is one more term. Few steps
    from zero regularise by themselves: |K x - d| falls and |x| grows from step to step, so stop by ``Discrepancy``.

    Residual: |s|, plus eps |H|^(1/2) (|H|^(1/2) max |x| + |d|) by which rounding parts the recurrence for r from
    d - K x; scale: |sum_i c_i K_i* d_i|.
    Cost: one K_i and one K_i* a step. An image stands still once |s| or the curvature along p is rounding.

    Source: Hestenes, Stiefel (1952); Bjorck (1996), Numerical Methods for Least Squares Problems, 7.4.
    """

    form = LeastSquaresProblem

    def prepare(self, objective: Functional) -> LeastSquaresProblem:
        return as_least_squares(objective, "CGLS")

    def init(self, problem: LeastSquaresProblem, x0: Tensor | None) -> CGLSState:
        x = problem.start(x0, "CGLS")
        centres = tuple(term.residual(torch.zeros_like(x)) for term in problem.terms)
        residuals = centres if x0 is None else tuple(term.residual(x) for term in problem.terms)
        s = _back(problem, residuals)
        with torch.no_grad():
            scale = norm(s if x0 is None else _back(problem, centres))
            data = _weighted(problem, centres).sqrt()
            floor = 4 * rounding(x) * problem.norm_bound * data
        return CGLSState(x, residuals, s, dot(s, s), torch.zeros_like(scale), norm(x.detach()), data, scale, floor)

    def step(self, problem: LeastSquaresProblem, state: CGLSState) -> CGLSState:
        q = tuple(term.forward(state.p) for term in problem.terms)
        php, pp = _weighted(problem, q), dot(state.p, state.p)
        tiny = 4 * rounding(state.x)
        curvature = torch.maximum(state.curvature, ratio(php, pp).detach())
        moving = (state.squared > state.floor**2) & (php > tiny**2 * curvature * pp)
        a = torch.where(moving, ratio(state.squared, php), torch.zeros_like(php))
        x = state.x + per_image(a, state.x) * state.p
        residuals = tuple(r - per_image(a, r) * qi for r, qi in zip(state.residuals, q, strict=True))
        s = _back(problem, residuals)
        squared = dot(s, s)
        p = s + per_image(torch.where(moving, ratio(squared, state.squared), torch.zeros_like(php)), s) * state.p
        reach = torch.maximum(state.reach, norm(x.detach()))
        return CGLSState(x, residuals, p, squared, curvature, reach, state.data, state.scale, state.floor)

    def solution(self, state: CGLSState) -> Tensor:
        return state.x

    def misfit(self, state: CGLSState, term: int = 0) -> Tensor:
        """|K_i x - d_i| of a term without its weights, (batch,); no operator call."""
        return norm(state.residuals[term])

    def optimality(self, problem: LeastSquaresProblem, state: CGLSState) -> Optimality:
        largest = problem.norm_bound
        size = torch.where(state.scale > 0, state.scale, largest**2 * state.reach)  # of d = 0 the start says it
        drift = rounding(state.x) * largest * (largest * state.reach + state.data)
        return Optimality(state.squared.sqrt() + drift, size)

    def objective(self, problem: LeastSquaresProblem, state: CGLSState) -> Tensor:
        return problem.objective.value(state.x)


def _back(problem: LeastSquaresProblem, residuals: tuple[Tensor, ...]) -> Tensor:
    """sum_i c_i K_i* r_i."""
    parts = (term.adjoint(r) for term, r in zip(problem.terms, residuals, strict=True))
    return functools.reduce(torch.add, parts)


def _weighted(problem: LeastSquaresProblem, parts: tuple[Tensor, ...]) -> Tensor:
    """sum_i c_i |q_i|^2."""
    squares = (term.squared(q) for term, q in zip(problem.terms, parts, strict=True))
    return functools.reduce(torch.add, squares)
