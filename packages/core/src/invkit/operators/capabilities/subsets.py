"""Subsets of views, for solvers that use a part of the measurement in each step."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...errors import ConfigError
from ..algebra import Composition, Scaled
from ..base import LinearOperator
from ..diagonal import Diagonal
from ..fourier import Fourier
from ..restriction import Restriction
from .views import HasSubsets


def subsets(
    operator: LinearOperator, num_subsets: int, axis: int | None = None
) -> tuple[tuple[LinearOperator, Restriction], ...]:
    """(A_i, R_i) for i = 0 ... num_subsets - 1 with A_i = R_i A; R_i selects the views i, i + num_subsets, ...

    Together the R_i select every view once, so that sum_i R_i* R_i = id and |A x - y|^2 = sum_i |A_i x - R_i y|^2.
    Interleaved views are spread over the whole scan, which keeps the A_i*A_i alike.

    axis: of ``codomain.shape``, without the batch; by default the first one that the operator names (``HasSubsets``).
    The views of a ``Stack`` are its parts; those of ``Coils``, and so of ``sense``, the coils. What stands before them,
    factors (``Scaled``) and weights (``Diagonal``), is divided with them. Operators that cannot compute views alone get
    ``R_i @ A``, which costs a whole A and a whole A* for each subset: sound, and no faster than the whole.

    Raises: ConfigError if there is no such axis, or there are fewer views than subsets.
    """
    shape = operator.codomain.shape
    own = _axes(operator)
    if axis is None and not own:
        raise ConfigError(
            f"subsets: axis is None, expected 0 to {len(shape) - 1}, because {type(operator).__name__} names no axis "
            f"of views. Choose one of its measurement's, {shape}."
        )
    chosen = own[0] if axis is None else axis
    if not -len(shape) <= chosen < len(shape):
        raise ConfigError(f"subsets: axis is {chosen}, expected 0 to {len(shape) - 1} for shape {shape}. Choose one.")
    chosen %= len(shape)
    num_views = _num_views(operator, chosen)
    if isinstance(num_subsets, float | str) or not 1 <= num_subsets <= num_views:
        raise ConfigError(
            f"subsets: num_subsets is {num_subsets}, expected 1 to {num_views}, the number of views along axis "
            f"{chosen}. Choose fewer subsets, or another axis."
        )
    views = torch.arange(num_views, device=operator.codomain.device)
    return tuple(_subset(operator, chosen, views[i::num_subsets]) for i in range(num_subsets))


def _axes(operator: LinearOperator) -> tuple[int, ...]:
    """The axes along which the operator, or the part of it that makes the measurement, knows its views."""
    if isinstance(operator, HasSubsets):
        return operator.view_axes
    if isinstance(operator, Scaled):
        return _axes(operator.operator)
    if isinstance(operator, Composition):
        kept = tuple(axis for axis in _axes(operator.right) if _keeps_views(operator.left, axis))
        return kept or _axes(operator.left)
    return ()


def _num_views(operator: LinearOperator, axis: int) -> int:
    if isinstance(operator, HasSubsets) and axis in operator.view_axes:
        return operator._num_views(axis)
    if isinstance(operator, Scaled):
        return _num_views(operator.operator, axis)
    if isinstance(operator, Composition):
        if axis in _axes(operator.right) and _keeps_views(operator.left, axis):
            return _num_views(operator.right, axis)
        if axis in _axes(operator.left):
            return _num_views(operator.left, axis)
    return operator.codomain.shape[axis]


def _subset(operator: LinearOperator, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
    if isinstance(operator, HasSubsets) and axis in operator.view_axes:
        return operator._subset(axis, views)
    if isinstance(operator, Scaled):
        part, restriction = _subset(operator.operator, axis, views)
        return Scaled(operator.factor, part), restriction
    if isinstance(operator, Composition):
        if axis in _axes(operator.right) and _keeps_views(operator.left, axis):
            part, restriction = _subset(operator.right, axis, views)
            return _of_entries(operator.left, restriction) @ part, restriction
        if axis in _axes(operator.left):
            part, restriction = _subset(operator.left, axis, views)
            return part @ operator.right, restriction
    restriction = Restriction(operator.codomain, axis, views)
    return restriction @ operator, restriction


def _keeps_views(operator: LinearOperator, axis: int) -> bool:
    """Whether R L = L' R for the restriction R along that axis and a smaller L': weights, and transforms of coils."""
    return isinstance(operator, Diagonal) or (isinstance(operator, Fourier) and axis == 0)


def _of_entries(operator: LinearOperator, restriction: Restriction) -> LinearOperator:
    """The L' of ``_keeps_views``."""
    axis, entries = restriction.axis, restriction.indices  # of a stack, not the numbers of its parts
    if isinstance(operator, Fourier):
        return replace(operator, channels=len(entries))
    assert isinstance(operator, Diagonal)
    shape = operator.domain_shape
    weights = operator.weights.reshape((1,) * (len(shape) - operator.weights.ndim) + tuple(operator.weights.shape))
    chosen = weights if weights.shape[axis] == 1 else weights.index_select(axis, entries)
    return Diagonal(chosen, restriction.codomain.shape, operator.dtype)
