"""The diagonal of a Hessian, for Jacobi preconditioning, through sums, scalings and compositions."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from ..operators.capabilities.gram_diagonal import gram_diagonal
from .algebra import Composition, Scaled, Sum
from .base import Functional, HasHessianDiagonal
from .translation import Translated


def hessian_diagonal(functional: Functional, x: Tensor) -> Tensor | None:
    """Nonnegative numbers beside the diagonal of the Hessian at x, real, broadcastable to x; None where none are cheap.

    For f(K x): sum_j w_j |K_ji|^2 with w the diagonal of the Hessian of f at K x. A preconditioner may be anything
    positive; this one is exact where the Hessian of f is diagonal.
    """
    if isinstance(functional, Sum):
        parts = [hessian_diagonal(term, x) for term in functional.terms]
        known = [part for part in parts if part is not None]
        return functools.reduce(torch.add, known) if known and len(known) == len(parts) else None
    if isinstance(functional, Scaled):
        inner = hessian_diagonal(functional.functional, x)
        return None if inner is None else functional.weight * inner
    if isinstance(functional, Translated):
        return hessian_diagonal(functional.functional, x - functional.centre)
    if isinstance(functional, Composition):
        curvature = hessian_diagonal(functional.functional, functional.operator.forward(x))
        return None if curvature is None else gram_diagonal(functional.operator, curvature)
    return functional._hessian_diagonal(x) if isinstance(functional, HasHessianDiagonal) else None
