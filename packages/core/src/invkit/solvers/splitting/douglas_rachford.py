"""Douglas and Rachford's splitting of two functionals that both have a proximal map."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import Scaled, scale, split_composition, terms_of
from ...functionals.base import Differentiable, Functional, Proximable
from ...functionals.norms import SquaredL2
from ...functionals.partial_minimum import lifted
from ...functionals.zero import Zero
from ...operators.algebra import Adjoint
from ...operators.algebra import Scaled as ScaledOperator
from ...operators.base import LinearOperator
from ...operators.capabilities.fourier_symbol import gram_symbol
from ...operators.space import norm, rounding
from ..base import Optimality, Solver
from ..primal_dual.step import relative
from ..problems import Problem
from .split_problem import fourier_solve

Prox = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True, eq=False)
class TwoProximableProblem(Problem):
    """minimise f(x) + g(x), each with a proximal map; f is the one without a gradient if one has none.

    lipschitz: of the gradient of the other, None if it has none.
    """

    f: Prox
    g: Prox
    lipschitz: float | None


@dataclass(frozen=True)
class DouglasRachfordState:
    """z, x = prox of f at z_before, w = prox of g at 2 x - z_before; reference: the
    larger subgradient times the step at z = 0."""

    z: Tensor
    x: Tensor
    w: Tensor
    z_before: Tensor
    reference: Tensor
    step_size: float


@dataclass(frozen=True)
class DouglasRachford(Solver[TwoProximableProblem, DouglasRachfordState]):
    """minimise f(x) + g(x) by, with t = ``step_size``,

        x = prox_f(z, t);      w = prox_g(2 x - z, t);      z <- z + relaxation (w - x).

    A term is c h(x), or c h(K x) where its proximal map is exact: for K K* = k id (unitary operators, adjoints of
    isometries), and for (c/2) |K x - d|^2 with K*K diagonal in the Fourier transform, such as sampled ``Fourier``.
    step_size: positive; None is 1 / L for the term with a gradient of constant L, 1 without one.
    relaxation: in (0, 2).

    Residual: the larger of |x - w| / |x| and |x - w| / max(|z - x|, |2 x - z - w|, the same at z = 0), for
    (z - x) / t in df(x) and (2 x - z - w) / t in dg(w) sum to (x - w) / t. Cost: the two maps.

    Raises: ConfigError if a setting is outside its range; from ``prepare`` if there are not two such terms.
    Source: Lions, Mercier (1979); Eckstein, Bertsekas (1992), section 5; for K K* = k id, Combettes, Pesquet (2011),
    Proximal splitting methods in signal processing, Table 1.
    """

    form = TwoProximableProblem

    step_size: float | None = None
    relaxation: float = 1.0

    def __post_init__(self) -> None:
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise ConfigError(
                f"DouglasRachford: step_size is {self.step_size}, expected a positive number. Leave it out."
            )
        if not 0 < self.relaxation < 2:
            raise ConfigError(f"DouglasRachford: relaxation is {self.relaxation}, expected a number in (0, 2). Use 1.")

    def prepare(self, objective: Functional) -> TwoProximableProblem:
        return as_two_proximable(objective, "DouglasRachford")

    def init(self, problem: TwoProximableProblem, x0: Tensor | None) -> DouglasRachfordState:
        t = self.step_size if self.step_size is not None else 1 / (problem.lipschitz or 1.0)
        z = problem.start(x0, "DouglasRachford")
        with torch.no_grad():
            zero = torch.zeros_like(z)
            x = problem.f(zero, t)
            reference = torch.maximum(norm(x), norm(2 * x - problem.g(2 * x, t)))
        return DouglasRachfordState(z, z, z, z, reference, t)

    def step(self, problem: TwoProximableProblem, state: DouglasRachfordState) -> DouglasRachfordState:
        z, t = state.z, state.step_size
        x = problem.f(z, t)
        w = problem.g(2 * x - z, t)
        return DouglasRachfordState(z + self.relaxation * (w - x), x, w, z, state.reference, t)

    def solution(self, state: DouglasRachfordState) -> Tensor:
        return state.x

    def optimality(self, problem: TwoProximableProblem, state: DouglasRachfordState) -> Optimality:
        x, w, z = state.x, state.w, state.z_before
        apart, length = norm(x - w), norm(x)
        subgradients = torch.maximum(norm(z - x), norm(2 * x - z - w))
        # z - x is known up to the rounding of z: with a tiny step it says nothing.
        unseen = torch.minimum(rounding(z) * norm(z), torch.maximum(subgradients, state.reference))
        worst = relative(apart + unseen, torch.maximum(subgradients, state.reference))
        worst = torch.maximum(worst, relative(apart, torch.maximum(length, norm(w))))
        return Optimality(worst, torch.ones_like(worst))

    def objective(self, problem: TwoProximableProblem, state: DouglasRachfordState) -> Tensor:
        return problem.objective.value(state.x)


def as_two_proximable(objective: Functional, who: str) -> TwoProximableProblem:
    """At most two terms, each with an exact proximal map; one alone has the zero functional beside it.

    Raises: ConfigError if there are more, or one has none.
    """
    objective, restriction = lifted(objective)
    terms = terms_of(objective)
    if len(terms) > 2:
        raise ConfigError(f"{who}: there are {len(terms)} terms, expected at most 2. Use core/pdhg, which takes any.")
    # What has no gradient goes first: x is its prox, and lies in the set of an indicator.
    ordered = sorted((*terms, Zero())[:2], key=lambda term: isinstance(term, Differentiable))
    constants = [smooth.upper for term in ordered if (smooth := _smoothness(term)) is not None and smooth.upper > 0]
    f, g = (exact_prox(term, who) for term in ordered)
    lipschitz = constants[0] if constants else None
    return TwoProximableProblem(objective, f, g, lipschitz, restriction=restriction)


def exact_prox(term: Functional, who: str) -> Prox:
    """The proximal map of c h(K x), where it has a closed form.

    Raises: ConfigError if it has none.
    """
    weight, part, k = split_composition(term)
    if isinstance(part, Scaled):
        weight, part = weight * part.weight, part.functional
    if k is None and isinstance(part, Proximable):
        h = scale(weight, part)
        assert isinstance(h, Proximable)
        return h.prox
    if k is not None and isinstance(part, Proximable):
        f, operator, constant = scale(weight, part), k, coisometry(k)
        assert isinstance(f, Proximable)
        if constant is not None:

            def composed(v: Tensor, t: float) -> Tensor:
                image = operator.forward(v)
                return v + operator.adjoint(f.prox(image, constant * t) - image) / constant

            return composed
        symbol = gram_symbol(k)
        if type(part) is SquaredL2 and symbol is not None:
            centre, diagonal = part.centre, symbol

            def quadratic(v: Tensor, t: float) -> Tensor:
                rhs = v if centre is None else v + weight * t * operator.adjoint(centre)
                return fourier_solve(1 + weight * t * diagonal, rhs)

            return quadratic
    raise ConfigError(
        f"{who}: term {term!r} has no proximal map in closed form, expected c h(x), or c h(K x) with K K* = k id. "
        "Use core/pdhg."
    )


def coisometry(k: LinearOperator) -> Any:
    """The number with K K* = number * id, by structure; None where it is not known to exist."""
    if "unitary" in k.structure:
        return 1.0
    if isinstance(k, Adjoint) and "isometric" in k.operator.structure:
        return 1.0
    if isinstance(k, ScaledOperator):
        size: Any = abs(k.factor)
        inner = coisometry(k.operator)
        return None if inner is None else size**2 * inner
    return None


def _smoothness(term: Functional) -> Any:
    return term.smoothness() if isinstance(term, Differentiable) else None
