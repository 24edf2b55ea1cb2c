"""The diagonal of A* W A, for Jacobi preconditioning, where it costs no more than an operator call or two."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from ..algebra import Composition, Scaled, Stack
from ..base import HasGramDiagonal, LinearOperator
from ..blur import Blur
from ..coils import Coils
from ..diagonal import Diagonal
from ..downsampling import Downsampling
from ..finite_difference import FiniteDifference
from ..fourier import Fourier
from ..haar import Haar
from ..identity import Identity
from ..restriction import Restriction
from ..space import Space, real_dtype


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
        factor = operator.factor
        size = factor.abs() if isinstance(factor, Tensor) else abs(factor)
        return None if inner is None else size**2 * inner
    if isinstance(operator, Stack):
        parts = [_diagonal(op, part) for op, part in zip(operator.operators, operator.split(w), strict=True)]
        known = [part for part in parts if part is not None]
        return functools.reduce(torch.add, known) if len(known) == len(parts) else None
    if isinstance(operator, Composition) and _joined_once(operator.left, operator.right):
        inner = _diagonal(operator.left, w)
        return None if inner is None else _diagonal(operator.right, inner)
    return None


def _joined_once(left: LinearOperator, right: LinearOperator) -> bool:
    """Whether each (AB)_ji = sum_m A_jm B_mi has at most one summand that is not zero.

    Then the square of the sum is the sum of the squares, and with d = diag(A* W A)

        sum_j w_j |(AB)_ji|^2 = sum_m (sum_j w_j |A_jm|^2) |B_mi|^2 = sum_m d_m |B_mi|^2,

    the diagonal of B* D B. Three patterns of entries say so: a row of A has one entry, or a column of B has one, or A
    keeps channels apart and B puts each pixel once into each channel.
    """
    return (
        _has_short_rows(left)
        or _has_short_columns(right)
        or (_keeps_channels_apart(left) and _puts_once_into_channels(right))
    )


def _has_short_rows(operator: LinearOperator) -> bool:
    """Whether each number of the result is one of the image's, times a weight."""
    if isinstance(operator, Scaled):
        return _has_short_rows(operator.operator)
    if isinstance(operator, Composition):
        return _has_short_rows(operator.left) and _has_short_rows(operator.right)
    if isinstance(operator, Stack):
        return all(_has_short_rows(part) for part in operator.operators)
    if isinstance(operator, Downsampling):
        return operator.method == "decimate"
    return isinstance(operator, Identity | Diagonal | Restriction | Coils)


def _has_short_columns(operator: LinearOperator) -> bool:
    """Whether each number of the image goes to at most one of the result."""
    if isinstance(operator, Scaled):
        return _has_short_columns(operator.operator)
    if isinstance(operator, Composition):
        return _has_short_columns(operator.left) and _has_short_columns(operator.right)
    return isinstance(operator, Identity | Diagonal | Restriction | Downsampling)  # blocks of pixels are disjoint


def _puts_once_into_channels(operator: LinearOperator) -> bool:
    """Whether each number of the image goes to at most one in each channel of the result."""
    if isinstance(operator, Scaled):
        return _puts_once_into_channels(operator.operator)
    if isinstance(operator, Composition):
        left, right = operator.left, operator.right
        after = _has_short_columns(left) and _keeps_channels_apart(left)
        return (_puts_once_into_channels(left) and _has_short_columns(right)) or (
            after and _puts_once_into_channels(right)
        )
    return isinstance(operator, Coils)


def _keeps_channels_apart(operator: LinearOperator) -> bool:
    """Whether each channel of the result depends on one channel of the image."""
    if isinstance(operator, Scaled):
        return _keeps_channels_apart(operator.operator)
    if isinstance(operator, Composition):
        return _keeps_channels_apart(operator.left) and _keeps_channels_apart(operator.right)
    return isinstance(
        operator, Blur | Diagonal | Downsampling | FiniteDifference | Fourier | Haar | Identity | Restriction
    )
