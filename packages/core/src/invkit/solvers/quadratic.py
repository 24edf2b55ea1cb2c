"""Quadratic objectives taken apart: sum_i (c_i / 2) |K_i x - d_i|^2 as its terms, for methods on the K_i themselves."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from ..functionals.algebra import Scaled, split_composition, terms_of
from ..functionals.base import Functional
from ..functionals.norms import SquaredL2
from ..operators.base import LinearOperator
from ..operators.gram_diagonal import gram_diagonal
from ..operators.space import Space, real_dtype
from .problems import Problem


@dataclass(frozen=True, eq=False)
class Quadratic:
    """(c/2) |K x - d|^2; operator None is the identity, centre None is zero."""

    weight: float | Tensor
    operator: LinearOperator | None
    centre: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """K x."""
        return x if self.operator is None else self.operator.forward(x)

    def adjoint(self, z: Tensor) -> Tensor:
        """c K* z."""
        return self.weight * (z if self.operator is None else self.operator.adjoint(z))

    def normal(self, x: Tensor) -> Tensor:
        """c K* K x, by the operator's shorter route where it has one."""
        return self.weight * (x if self.operator is None else self.operator.normal().forward(x))

    def residual(self, x: Tensor) -> Tensor:
        """d - K x."""
        kx = self.forward(x)
        return -kx if self.centre is None else self.centre - kx

    def diagonal(self, domain: Space) -> Tensor | None:
        """The diagonal of c K* K, real, broadcastable to a batch of the domain; None where it is not cheap."""
        if self.operator is None:
            ones = torch.ones((1, *domain.shape), dtype=real_dtype(domain.dtype), device=domain.device)
            return self.weight * ones
        found = gram_diagonal(self.operator)
        return None if found is None else self.weight * found


@dataclass(frozen=True, eq=False)
class LeastSquaresProblem(Problem):
    """minimise sum_i (c_i / 2) |K_i x - d_i|^2; ``domain`` is the space of the images."""

    terms: tuple[Quadratic, ...]
    domain: Space


def quadratic_of(term: Functional) -> Quadratic | None:
    """c, K and d of a term (c/2) |K x - d|^2; None for another term."""
    weight, inner, operator = split_composition(term)
    if isinstance(inner, Scaled):
        weight, inner = weight * inner.weight, inner.functional
    return Quadratic(weight, operator, inner.centre) if isinstance(inner, SquaredL2) else None


def as_least_squares(objective: Functional, who: str) -> LeastSquaresProblem:
    """Raises: ConfigError if a term is not (c/2) |K x - d|^2, or none says how large the images are."""
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
    return LeastSquaresProblem(objective, tuple(terms), objective.domain)


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
