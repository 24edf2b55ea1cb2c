"""The primal-dual Newton method for smoothed norms of K x."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ...claims import Claim
from ...errors import ConfigError
from ...functionals.algebra import Scaled, split_composition, terms_of
from ...functionals.base import Differentiable, Functional
from ...functionals.hessian_at import hessian_at
from ...functionals.hessian_diagonal import hessian_diagonal
from ...functionals.norms import SquaredL2
from ...functionals.partial_minimum import lifted
from ...functionals.radial import RadialNorm
from ...operators.base import LinearOperator
from ...operators.capabilities.gram_diagonal import gram_diagonal
from ...operators.space import norm, per_image
from ..base import Optimality, Solver, select
from ..linear.pcg import dot, patience, pcg
from ..problems import Problem
from .forcing import LARGEST, next_forcing
from .newton_cg import Belonging, check_count, check_line_search, claim_of_line_search, first_step_that_decreases
from .radial_linearisation import RadialLinearisation


@dataclass(frozen=True, eq=False)
class SmoothTerm:
    """c f(K x) with f differentiable; operator None is the identity."""

    weight: float | Tensor
    functional: Differentiable
    operator: LinearOperator | None

    def forward(self, x: Tensor) -> Tensor:
        return x if self.operator is None else self.operator.forward(x)

    def adjoint(self, z: Tensor) -> Tensor:
        return self.weight * (z if self.operator is None else self.operator.adjoint(z))

    def value(self, u: Tensor) -> Tensor:
        """c f(u)."""
        return self.weight * self.functional.value(u)


@dataclass(frozen=True, eq=False)
class SmoothTermsProblem(Problem):
    """minimise sum_i c_i f_i(K_i x), every f_i differentiable."""

    terms: tuple[SmoothTerm, ...]


@dataclass(frozen=True)
class PrimalDualNewtonState:
    """x, u_i = K_i x of every term, its dual w_i (None where the term is no smoothed norm), the value and the gradient.

    The rest is (batch,) as in ``NewtonCGState``.   problem: the one that u, value and gradient belong to; a step for
    another one computes them anew, so that x and the duals are a warm start for it.
    """

    x: Tensor
    images: tuple[Tensor, ...]
    duals: tuple[Tensor | None, ...]
    value: Tensor
    gradient: Tensor
    forcing: Tensor
    scale: Tensor
    inner_steps: Tensor
    problem: Belonging


@dataclass(frozen=True)
class PrimalDualNewton(Solver[SmoothTermsProblem, PrimalDualNewtonState]):
    """minimise sum_i c_i f_i(K_i x) by Newton's method on its optimality conditions, with duals of the smoothed norms.

        sum_i c_i K_i* w_i = 0,   w_i = gradient f_i(u_i), for smoothed norms as w_i / phi(|u_i|) = u_i,   u_i = K_i x

    A radial norm is linearised in (u, w) rather than in u alone: phi, which is |u|^-1 away from 0, is no longer
    differentiated, so that steps do not shrink with the smoothing. The direction d solves

        sum_i c_i K_i* M_i K_i d = -gradient,   M_i = f_i'' or phi (I - psi' sym(w u^T / |u|)),   psi = 1 / phi

    which is symmetric and positive semidefinite as long as |w|_p <= 1 (``radial_linearisation.py``). It is a direction
    of descent, so that the first step of 1, tau, tau^2.. with Armijo's decrease is taken, image by image; the dual
    follows by the same step and is projected onto the unit balls.

    preconditioner: "jacobi" divides by the diagonal of the system where every operator knows its own; None does not.
    max_inner, backtracking, armijo, max_trials: as in ``NewtonCG``.

    Residual: |gradient of the objective| at x; scale: that at zero, or at the start if it is zero.
    Cost: one K_i and one K_i* an inner step and one of each a step, for trials move along K_i x. The host waits once a
    trial, and in the inner loop as often as ``pcg.patience`` says.

    Raises: ConfigError if a setting is outside its range, or a term has no gradient.
    Source: Chan, Golub, Mulet (1999), SIAM J. Sci. Comput. 20, 1964-1977; the projection of the dual as in
    Hintermueller, Stadler (2006), SIAM J. Sci. Comput. 28, 1-23.
    """

    form = SmoothTermsProblem

    preconditioner: Literal["jacobi"] | None = "jacobi"
    max_inner: int = 500
    backtracking: float = 0.5
    armijo: float = 1e-4
    max_trials: int = 60

    def __post_init__(self) -> None:
        if self.preconditioner not in (None, "jacobi"):
            raise ConfigError(
                f"PrimalDualNewton: preconditioner is {self.preconditioner!r}, expected None or 'jacobi'. Choose one."
            )
        check_line_search(self.backtracking, self.armijo, "PrimalDualNewton")
        for name, count in (("max_inner", self.max_inner), ("max_trials", self.max_trials)):
            check_count(count, "PrimalDualNewton", name)

    def claims(self) -> tuple[Claim, ...]:
        return (claim_of_line_search(),)

    def prepare(self, objective: Functional) -> SmoothTermsProblem:
        objective, restriction = lifted(objective)
        terms = smooth_terms(objective, "PrimalDualNewton")
        return SmoothTermsProblem(objective, terms, restriction=restriction)

    def init(self, problem: SmoothTermsProblem, x0: Tensor | None) -> PrimalDualNewtonState:
        x = problem.start(x0, "PrimalDualNewton")
        images = tuple(term.forward(x) for term in problem.terms)
        duals = tuple(
            term.functional.gradient(u) if isinstance(term.functional, RadialNorm) else None
            for term, u in zip(problem.terms, images, strict=True)
        )
        return _at(problem, x, images, duals, at_zero=x0 is None)

    def step(self, problem: SmoothTermsProblem, state: PrimalDualNewtonState) -> PrimalDualNewtonState:
        if state.problem.to is not problem:
            state = _at(problem, state.x, tuple(term.forward(state.x) for term in problem.terms), state.duals)
        parts = [
            RadialLinearisation(term.functional, u, w) if isinstance(term.functional, RadialNorm) and w is not None
            else None
            for term, u, w in zip(problem.terms, state.images, state.duals, strict=True)
        ]  # fmt: skip
        found = pcg(
            system(problem, state.images, parts),
            -state.gradient,
            preconditioner=self._diagonal(problem, state.images, parts),
            rtol=state.forcing.detach(),
            max_steps=self.max_inner,
            check_every=patience(state.x),
        )
        slope = -dot(found.x, state.gradient)
        descends = slope > 0
        d = select(descends, found.x, -state.gradient)
        slope = torch.where(descends, slope, dot(state.gradient, state.gradient))
        moves = tuple(term.forward(d) for term in problem.terms)
        step, value, accepted = first_step_that_decreases(
            lambda s: _value(problem, _moved(state.images, moves, s)), state.value, slope, state.x, self
        )
        images = _moved(state.images, moves, step)
        duals = tuple(None if part is None else part.dual(move, step) for part, move in zip(parts, moves, strict=True))
        gradient = _gradient(problem, images)
        forcing = next_forcing(norm(gradient.detach()), norm(state.gradient.detach()), state.forcing)
        forcing = torch.where(accepted, forcing, 0.1 * state.forcing)
        (x,) = _moved((state.x,), (d,), step)
        steps = state.inner_steps + found.steps
        return PrimalDualNewtonState(x, images, duals, value, gradient, forcing, state.scale, steps, state.problem)

    def _diagonal(self, problem: SmoothTermsProblem, images: tuple[Tensor, ...], parts: Sequence[Any]) -> Tensor | None:
        if self.preconditioner is None:
            return None
        total: list[Tensor] = []
        for term, u, part in zip(problem.terms, images, parts, strict=True):
            curvature = hessian_diagonal(term.functional, u) if part is None else part.diagonal()
            if curvature is not None and term.operator is not None:
                curvature = gram_diagonal(term.operator, curvature)
            if curvature is None:
                return None
            total.append(term.weight * curvature)
        return functools.reduce(torch.add, total)

    def solution(self, state: PrimalDualNewtonState) -> Tensor:
        return state.x

    def optimality(self, problem: SmoothTermsProblem, state: PrimalDualNewtonState) -> Optimality:
        return Optimality(norm(state.gradient), state.scale)

    def objective(self, problem: SmoothTermsProblem, state: PrimalDualNewtonState) -> Tensor:
        return state.value


def smooth_terms(objective: Functional, who: str) -> tuple[SmoothTerm, ...]:
    """Raises: ConfigError if a term has no gradient."""
    terms = []
    for term in terms_of(objective):
        weight, inner, operator = split_composition(term)
        if isinstance(inner, Scaled):
            weight, inner = weight * inner.weight, inner.functional
        if not isinstance(inner, Differentiable):
            raise ConfigError(
                f"{who}: term {term!r} has no gradient, expected c f(K x) with a differentiable f. "
                "Smooth it, as core/huber does a norm, or use core/pdhg."
            )
        terms.append(SmoothTerm(weight, inner, operator))
    return tuple(terms)


def _at(
    problem: SmoothTermsProblem,
    x: Tensor,
    images: tuple[Tensor, ...],
    duals: tuple[Tensor | None, ...],
    *,
    at_zero: bool = False,
) -> PrimalDualNewtonState:
    """The state at x, its scale by the gradient at zero."""
    gradient = _gradient(problem, images)
    with torch.no_grad():
        size = norm(gradient)
        scale = size if at_zero else norm(_gradient(problem, tuple(torch.zeros_like(u) for u in images)))
        scale = torch.where(scale > 0, scale, size)
    none = torch.zeros_like(scale, dtype=torch.long)
    forcing = torch.full_like(scale, LARGEST)
    value, belonging = _value(problem, images), Belonging(problem)
    return PrimalDualNewtonState(x, images, duals, value, gradient, forcing, scale, none, belonging)


def _moved(images: tuple[Tensor, ...], moves: tuple[Tensor, ...], step: Tensor) -> tuple[Tensor, ...]:
    return tuple(u + per_image(step, u) * du for u, du in zip(images, moves, strict=True))


def _value(problem: SmoothTermsProblem, images: tuple[Tensor, ...]) -> Tensor:
    return functools.reduce(torch.add, (term.value(u) for term, u in zip(problem.terms, images, strict=True)))


def _gradient(problem: SmoothTermsProblem, images: tuple[Tensor, ...]) -> Tensor:
    parts = (term.adjoint(term.functional.gradient(u)) for term, u in zip(problem.terms, images, strict=True))
    return functools.reduce(torch.add, parts)


def system(problem: SmoothTermsProblem, images: tuple[Tensor, ...], parts: Sequence[Any]) -> Callable[[Tensor], Tensor]:
    """v -> sum_i c_i K_i* M_i K_i v."""

    def product(term: SmoothTerm, u: Tensor, part: RadialLinearisation | None) -> Callable[[Tensor], Tensor]:
        middle = hessian_at(term.functional, u) if part is None else part.apply
        if part is None and type(term.functional) is SquaredL2 and term.operator is not None:
            normal = term.operator.normal()
            return lambda v: term.weight * normal.forward(v)
        return lambda v: term.adjoint(middle(term.forward(v)))

    products = [product(*each) for each in zip(problem.terms, images, parts, strict=True)]
    return lambda v: functools.reduce(torch.add, (apply(v) for apply in products))
