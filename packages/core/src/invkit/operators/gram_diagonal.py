"""The diagonal of A* W A, for Jacobi preconditioning, where it costs no more than an operator call or two."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from .algebra import Composition, Scaled, Stack
from .base import HasGramDiagonal, LinearOperator
from .coils import Coils
from .space import Space, real_dtype, squared_magnitude


def gram_diagonal(operator: LinearOperator, weights: Tensor | None = None) -> Tensor | None:
    """diag(A* W A)_i = sum_j w_j |A_ji|^2, real, of shape (batch, *domain.shape); None where it is not cheap.

    weights: the diagonal W, real, (batch, *codomain.shape); None is one for each, with a batch of one.

    Raises: ShapeError if the weights are not a real batch of the codomain.
    """
    space = Space(operator.codomain.shape, real_dtype(operator.codomain.dtype), operator.codomain.device)
    if weights is None:
        weights = torch.ones((1, *space.shape), dtype=space.dtype, device=space.device)
    space.check(weights, f"gram_diagonal of {type(operator).__name__}: weights")
    return _diagonal(operator, weights)


def _diagonal(operator: LinearOperator, w: Tensor) -> Tensor | None:
    if isinstance(operator, HasGramDiagonal):
        return operator._gram_diagonal(w)
    if isinstance(operator, Scaled):
        inner = _diagonal(operator.operator, w)
        return None if inner is None else abs(operator.factor) ** 2 * inner
    if isinstance(operator, Stack):
        parts = [_diagonal(op, part) for op, part in zip(operator.operators, operator.split(w), strict=True)]
        known = [part for part in parts if part is not None]
        return functools.reduce(torch.add, known) if len(known) == len(parts) else None
    if isinstance(operator, Composition):
        return _of_product(operator.left, operator.right, w)
    return None


def _of_product(left: LinearOperator, right: LinearOperator, w: Tensor) -> Tensor | None:
    """(AB)_ji = sum_m A_jm B_mi has one summand, so that squares of products are products of squares, if ..."""
    if isinstance(right, Coils) and _keeps_channels_apart(left):  # one m for each coil, and A does not mix coils
        inner = _diagonal(left, w)
        return None if inner is None else (inner * squared_magnitude(right.sensitivities)).sum(1, keepdim=True)
    return None


def _keeps_channels_apart(operator: LinearOperator) -> bool:
    from .fourier import Fourier

    return isinstance(operator, Fourier)
