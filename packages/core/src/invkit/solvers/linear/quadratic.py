"""Quadratic objectives taken apart: sum_i (c_i / 2) |K_i x - d_i|^2 as its terms, for methods on the K_i themselves.

A weighted square, |u|^2 = sum w |u|^2 with w >= 0, is one of them.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import Scaled, split_composition, terms_of
from ...functionals.base import Functional, as_float
from ...functionals.norms import SquaredL2
from ...functionals.partial_minimum import lifted
from ...functionals.weighted_squared_l2 import WeightedSquaredL2
from ...operators.base import LinearOperator
from ...operators.capabilities.gram_diagonal import gram_diagonal
from ...operators.space import Space, real_dtype
from ..problems import Problem
from .pcg import dot


@dataclass(frozen=True, eq=False)
class Quadratic:
    """(c/2) sum w |K x - d|^2; operator None is the identity, centre None is zero, weights None are one."""

    weight: float | Tensor
    operator: LinearOperator | None
    centre: Tensor | None
    weights: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """K x."""
        return x if self.operator is None else self.operator.forward(x)

    def adjoint(self, z: Tensor) -> Tensor:
        """c K* W z."""
        z = z if self.weights is None else self.weights * z
        return self.weight * (z if self.operator is None else self.operator.adjoint(z))

    def squared(self, z: Tensor) -> Tensor:
        """c sum w |z|^2 of each image, in float64."""
        return self.weight * dot(z if self.weights is None else self.weights * z, z)

    def residual(self, x: Tensor) -> Tensor:
        """d - K x."""
        kx = self.forward(x)
        return -kx if self.centre is None else self.centre - kx

    def diagonal(self, domain: Space) -> Tensor | None:
        """The diagonal of c K* W K, real, broadcastable to a batch of the domain; None where it is not cheap."""
        space = domain if self.operator is None else self.operator.codomain
        ones = torch.ones((1, *space.shape), dtype=real_dtype(space.dtype), device=space.device)
        w = ones if self.weights is None else self.weights * ones
        found = w if self.operator is None else gram_diagonal(self.operator, w)
        return None if found is None else self.weight * found

    def norm_bound(self) -> float:
        """At least |c K* W K|."""
        norm = 1.0 if self.operator is None else self.operator.norm().upper
        largest = 1.0
        if self.weights is not None:
            largest = as_float(self.weights.max()) if self.weights.numel() else 0.0
        return as_float(self.weight) * largest * norm**2


@dataclass(frozen=True, eq=False)
class LeastSquaresProblem(Problem):
    """minimise sum_i (c_i / 2) |K_i x - d_i|^2.

    domain: the space of the unknown.   norm_bound: at least |sum_i c_i K_i* K_i|^(1/2).
    """

    terms: tuple[Quadratic, ...]
    domain: Space
    norm_bound: float


def quadratic_of(term: Functional) -> Quadratic | None:
    """c, K and d of a term (c/2) |K x - d|^2; None for another term, such as one of a class that derives from it."""
    weight, inner, operator = split_composition(term)
    if isinstance(inner, Scaled):
        weight, inner = weight * inner.weight, inner.functional
    if type(inner) is SquaredL2:  # another class may have other values
        return Quadratic(weight, operator, inner.centre, None)
    return Quadratic(weight, operator, inner.centre, inner.weights) if type(inner) is WeightedSquaredL2 else None


def as_least_squares(objective: Functional, who: str) -> LeastSquaresProblem:
    """Raises: ConfigError if a term is not (c/2) |K x - d|^2, or none says how large the images are."""
    objective, restriction = lifted(objective)
    terms = []
    for term in terms_of(objective):
        found = quadratic_of(term)
        if found is None:
            raise ConfigError(
                f"{who}: term {term!r} is not quadratic, expected (c/2) |K x - d|^2. Use core/fista or core/pdhg."
            )
        terms.append(found)
    if objective.domain is None:
        raise ConfigError(f"{who}: {objective!r} has no operator that says the size of its images. Use core/fista.")
    bound = math.sqrt(sum(term.norm_bound() for term in terms))
    return LeastSquaresProblem(objective, tuple(terms), objective.domain, bound, restriction=restriction)


def normal_diagonal(objective: Functional, who: str) -> Tensor:
    """The diagonal of sum_i c_i K_i* K_i.

    Raises: ConfigError if the objective is not quadratic, or an operator has no diagonal at hand.
    """
    problem = as_least_squares(objective, who)
    parts = []
    for term in problem.terms:
        part = term.diagonal(problem.domain)
        if part is None:
            raise ConfigError(
                f"{who}: preconditioner is 'jacobi', expected operators that know the diagonal of K*K, and "
                f"{term.operator!r} does not. Leave preconditioner out."
            )
        parts.append(part)
    return functools.reduce(torch.add, parts)
