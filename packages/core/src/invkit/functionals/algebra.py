"""Algebra of functionals: c f, f + g and f @ K, with the capabilities that survive each.

c f     differentiable if f is, proximable if f is        prox(v, tau) = prox_f(v, c tau)
f + g   differentiable if both are                        solvers take the terms apart
f @ K   differentiable if f is                            gradient(x) = K* f.gradient(K x)
f @ F   F nonlinear: nonlinear_composition.py
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..claims import CERTIFIED
from ..derivations import functionals as rules
from ..derivations import symmetry
from ..derivations.symmetry import Action
from ..errors import ConfigError, ShapeError
from ..operators.base import LinearOperator, Operator
from ..operators.moving import classes_in
from ..operators.norm import Interval, product_up, rounded_up
from ..operators.space import Space
from . import moduli
from .base import Differentiable, Functional, Proximable, as_float, check_weight, times, weight_for
from .nonlinear_composition import NonlinearComposition, NonlinearCompositionDifferentiable


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Functional):
    """c f for c >= 0. c may be a 0-d tensor that is learned: gradients reach it."""

    weight: float | Tensor
    functional: Functional
    derivations = (
        rules.MULTIPLE_CONVEX, rules.MULTIPLE_STRONGLY_CONVEX, rules.MULTIPLE_SMOOTH, rules.MULTIPLE_PROX,
        symmetry.MULTIPLE_INVARIANT,
    )  # fmt: skip

    @property
    def domain(self) -> Space | None:
        return self.functional.domain

    def _value(self, x: Tensor) -> Tensor:
        return times(self.weight, self.functional.value(x))  # 0 times an indicator is that indicator, as is its prox

    def convexity(self) -> float | None:
        return moduli.times(as_float(self.weight), self.functional.convexity())

    def is_invariant(self, action: Action) -> bool:
        return self.functional.is_invariant(action)

    def __repr__(self) -> str:
        return f"{as_float(self.weight):.4g} * {self.functional!r}"


class ScaledDifferentiable(Scaled, Differentiable):
    """c f with a gradient."""

    functional: Differentiable

    def _gradient(self, x: Tensor) -> Tensor:
        return self.weight * self.functional.gradient(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return self.weight * self.functional.hessian_vector(x, v)

    def smoothness(self) -> Interval | None:
        inner = self.functional.smoothness()
        return None if inner is None else inner.scaled(as_float(self.weight))

    def hessian_lipschitz(self) -> float | None:
        inner = self.functional.hessian_lipschitz()
        return None if inner is None else product_up(abs(as_float(self.weight)), inner)

    def is_twice_differentiable(self) -> bool:
        return self.functional.is_twice_differentiable()


class ScaledProximable(Scaled, Proximable):
    """c f with a proximal map."""

    functional: Proximable

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return self.functional._prox(v, weight_for(self.weight, v) * tau)

    def _has_prox(self) -> bool:
        # With a weight of 0 it is the projection onto the domain, which is not asked of a map with a step > 0.
        of_core = all(cls.__module__.startswith("invkit.") for cls in classes_in(self.functional))
        return (of_core or as_float(self.weight) >= sys.float_info.min) and self.functional._has_prox()

    @property
    def conjugate(self) -> Proximable:
        return self.functional.scaled_conjugate(self.weight)


class ScaledBoth(ScaledDifferentiable, ScaledProximable):
    """c f with a gradient and a proximal map."""

    functional: Any  # Differentiable and Proximable; the type system has no intersection


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Functional):
    """f_1 + ... + f_m on one domain.

    Raises: ConfigError if there are no terms.
    """

    terms: tuple[Functional, ...]
    derivations = (rules.SUM_CONVEX, rules.SUM_STRONGLY_CONVEX, rules.SUM_SMOOTH, symmetry.SUM_INVARIANT)

    def __post_init__(self) -> None:
        if not self.terms:
            raise ConfigError("Sum: there are 0 terms, expected at least one. Use Zero() for the functional 0.")

    @property
    def domain(self) -> Space | None:
        return next((term.domain for term in self.terms if term.domain is not None), None)

    def _value(self, x: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.value(x) for term in self.terms))

    def convexity(self) -> float | None:
        return moduli.total([term.convexity() for term in self.terms])

    def is_invariant(self, action: Action) -> bool:
        return all(term.is_invariant(action) for term in self.terms)

    def __repr__(self) -> str:
        return " + ".join(repr(term) for term in self.terms)


class SumDifferentiable(Sum, Differentiable):
    """f_1 + ... + f_m with a gradient."""

    terms: tuple[Differentiable, ...]

    def _gradient(self, x: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.gradient(x) for term in self.terms))

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.hessian_vector(x, v) for term in self.terms))

    def smoothness(self) -> Interval | None:
        parts = [term.smoothness() for term in self.terms]
        if any(part is None for part in parts):
            return None
        # Convex terms: the largest eigenvalue of a sum of semidefinite Hessians is at least that of each.
        total = functools.reduce(Interval.__add__, [part for part in parts if part is not None])
        convex = all(moduli.is_convex(term.convexity()) for term in self.terms)
        lower = max(part.lower for part in parts if part is not None) if convex else 0.0
        return Interval(min(lower, total.upper), total.upper, total.how, total.basis)

    def hessian_lipschitz(self) -> float | None:
        parts = [term.hessian_lipschitz() for term in self.terms]
        return None if None in parts else rounded_up(sum(part for part in parts if part is not None))

    def is_twice_differentiable(self) -> bool:
        return all(term.is_twice_differentiable() for term in self.terms)


@dataclass(frozen=True, eq=False, repr=False)
class Composition(Functional):
    """x -> f(K x). Its proximal map has no closed form in general: solvers such as PDHG use f and K apart."""

    functional: Functional
    operator: LinearOperator
    derivations = (
        rules.COMPOSITION_CONVEX, rules.COMPOSITION_STRONGLY_CONVEX, rules.COMPOSITION_SMOOTH,
        symmetry.COMPOSITION_INVARIANT,
    )  # fmt: skip

    @property
    def domain(self) -> Space | None:
        return self.operator.domain

    def _value(self, x: Tensor) -> Tensor:
        return self.functional.value(self.operator.forward(x))

    def convexity(self) -> float | None:
        modulus, lower, upper = self.functional.convexity(), 0.0, 0.0
        if modulus and "isometric" in self.operator.structure:
            lower = min(1.0, self.operator.norm().lower)  # 1 but for the rounding of the operator's precision
        if modulus is not None and modulus < 0:
            norm = self.operator.norm()
            if norm.basis < CERTIFIED:
                return None
            upper = norm.upper
        return moduli.behind(modulus, lower, upper)

    def is_invariant(self, action: Action) -> bool:
        carried = self.operator.carried(action)
        return carried is not None and self.functional.is_invariant(carried)

    def __repr__(self) -> str:
        return f"{self.functional!r} @ {type(self.operator).__name__}"


class CompositionDifferentiable(Composition, Differentiable):
    """x -> f(K x) with a gradient: one K and one K*."""

    functional: Differentiable

    def _gradient(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(self.functional.gradient(self.operator.forward(x)))

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        operator = self.operator
        return operator.adjoint(self.functional.hessian_vector(operator.forward(x), operator.forward(v)))

    def smoothness(self) -> Interval | None:
        inner = self.functional.smoothness()
        if inner is None:
            return None
        norm = self.operator.norm()
        product = inner * (norm * norm)
        # For a quadratic f the product is attained; for another f the curvature may lie where K x never goes.
        return product if _is_quadratic(self.functional) else product.without_lower()

    def hessian_lipschitz(self) -> float | None:
        inner = self.functional.hessian_lipschitz()
        if not inner:
            return inner
        norm = self.operator.norm()
        # The number says nothing of how it is known, so it must not rest on a bound that is only assumed.
        return product_up(inner, *3 * (norm.upper,)) if norm.basis >= CERTIFIED else None

    def is_twice_differentiable(self) -> bool:
        return self.functional.is_twice_differentiable()


def scale(weight: float | Tensor, functional: Functional) -> Functional:
    """weight * functional; a sum is scaled term by term.

    Raises: ConfigError if the weight is negative or not finite.
    """
    check_weight(weight, f"{weight} * {type(functional).__name__}")
    if isinstance(functional, Sum):
        return add(*(scale(weight, term) for term in functional.terms))
    if isinstance(functional, Scaled):
        return scale(weight * functional.weight, functional.functional)
    if not isinstance(weight, Tensor) and weight == 1.0:
        return functional
    kinds = (isinstance(functional, Differentiable), isinstance(functional, Proximable))
    wrapper = {
        (True, True): ScaledBoth, (True, False): ScaledDifferentiable, (False, True): ScaledProximable,
        (False, False): Scaled,
    }[kinds]  # fmt: skip
    return wrapper(weight, functional)


def add(*functionals: Functional) -> Sum:
    """The sum, its nested sums made flat.

    Raises: ShapeError if two terms have different domains.
    """
    terms = tuple(part for f in functionals for part in (f.terms if isinstance(f, Sum) else (f,)))
    domains = [term.domain for term in terms if term.domain is not None]
    for domain in domains[1:]:
        if domain != domains[0]:
            raise ShapeError(f"Sum: a term has domain {domain}, expected {domains[0]}. Build all for the same images.")
    return (SumDifferentiable if all(isinstance(term, Differentiable) for term in terms) else Sum)(terms)


def compose(functional: Functional, operator: Operator) -> Functional:
    """functional @ operator, brought to a sum of terms c f(K x): (f @ K) @ L is f @ (K @ L); K need not be linear.

    Raises: ShapeError if the operator's codomain is not the functional's domain.
    """
    if functional.domain is not None and functional.domain != operator.codomain:
        raise ShapeError(
            f"Composition: codomain of the operator is {operator.codomain}, expected {functional.domain}. "
            "Build both for the same images."
        )
    if isinstance(functional, Sum):
        return add(*(compose(term, operator) for term in functional.terms))
    if isinstance(functional, Scaled):
        return scale(functional.weight, compose(functional.functional, operator))
    if isinstance(functional, Composition | NonlinearComposition):
        return compose(functional.functional, functional.operator @ operator)
    if not isinstance(operator, LinearOperator):
        differentiable = isinstance(functional, Differentiable)
        return (NonlinearCompositionDifferentiable if differentiable else NonlinearComposition)(functional, operator)
    kind = CompositionDifferentiable if isinstance(functional, Differentiable) else Composition
    return kind(functional, operator)


def terms_of(objective: Functional) -> tuple[Functional, ...]:
    """The summands of an objective."""
    return objective.terms if isinstance(objective, Sum) else (objective,)


def split_composition(term: Functional) -> tuple[float | Tensor, Functional, LinearOperator | None]:
    """c, f and K of a term c f(K x); K is None for a term without an operator."""
    weight: float | Tensor = 1.0
    if isinstance(term, Scaled):
        weight, term = term.weight, term.functional
    if isinstance(term, Composition):
        return weight, term.functional, term.operator
    return weight, term, None


def _is_quadratic(functional: Functional) -> bool:
    from .norms import SquaredL2

    return type(functional) is SquaredL2
