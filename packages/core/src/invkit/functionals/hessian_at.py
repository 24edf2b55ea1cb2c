"""The Hessian at one point as a function, so that K x is computed once and not in every product with it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from .algebra import Composition, Scaled, Sum
from .base import Differentiable, Functional
from .norms import SquaredL2

Linear = Callable[[Tensor], Tensor]


def hessian_at(functional: Functional, x: Tensor) -> Linear:
    """v -> f''(x) v, as ``functional.hessian_vector(x, v)`` gives it.

    Cost: one K for each term f(K x) that is not quadratic, once; then one K and one K* a product, or K*K by the shorter
    route of the operator where f is 0.5 |. - c|^2.
    """
    if isinstance(functional, Sum):
        parts = [hessian_at(term, x) for term in functional.terms]
        return lambda v: functools.reduce(torch.add, (part(v) for part in parts))
    if isinstance(functional, Scaled):
        inner, weight = hessian_at(functional.functional, x), functional.weight
        return lambda v: weight * inner(v)
    if isinstance(functional, Composition):
        operator = functional.operator
        if type(functional.functional) is SquaredL2:
            return operator.normal().forward
        outer = hessian_at(functional.functional, operator.forward(x))
        return lambda v: operator.adjoint(outer(operator.forward(v)))
    assert isinstance(functional, Differentiable)
    return lambda v: functional.hessian_vector(x, v)
