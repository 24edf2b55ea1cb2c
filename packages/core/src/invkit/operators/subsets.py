"""Subsets of views, for solvers that use a part of the measurement in each step."""

from __future__ import annotations

import abc

import torch
from torch import Tensor

from ..errors import ConfigError
from .base import LinearOperator
from .restriction import Restriction


class HasSubsets(LinearOperator):
    """A linear operator whose views can be computed without the others, at the share of the cost that they are."""

    @property
    @abc.abstractmethod
    def view_axes(self) -> tuple[int, ...]:
        """The axes of ``codomain.shape`` along which views can be chosen; the first is the usual one."""

    @abc.abstractmethod
    def _num_views(self, axis: int) -> int: ...

    @abc.abstractmethod
    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        """(R A, R): the operator of those views, and the restriction that selects them in a measurement."""


def subsets(
    operator: LinearOperator, num_subsets: int, axis: int | None = None
) -> tuple[tuple[LinearOperator, Restriction], ...]:
    """(A_i, R_i) for i = 0 ... num_subsets - 1 with A_i = R_i A; R_i selects the views i, i + num_subsets, ...

    Together the R_i select every view once, so that sum_i R_i* R_i = id and |A x - y|^2 = sum_i |A_i x - R_i y|^2.
    Interleaved views are spread over the whole scan, which keeps the A_i*A_i alike.

    axis: of ``codomain.shape``, without the batch; by default the first one that the operator names (``HasSubsets``).
    The views of a ``Stack`` are its parts. Operators that cannot compute some views alone get ``R_i @ A``, which costs
    a whole A and a whole A* for each subset: sound, and no faster than the whole.

    Raises: ConfigError if there is no such axis, or there are fewer views than subsets.
    """
    shape = operator.codomain.shape
    own = operator.view_axes if isinstance(operator, HasSubsets) else ()
    if axis is None and not own:
        raise ConfigError(
            f"subsets: axis is None, expected 0 to {len(shape) - 1}, because {type(operator).__name__} names no axis "
            f"of views. Choose one of its measurement's, {shape}."
        )
    chosen = own[0] if axis is None else axis
    if not -len(shape) <= chosen < len(shape):
        raise ConfigError(f"subsets: axis is {chosen}, expected 0 to {len(shape) - 1} for shape {shape}. Choose one.")
    chosen %= len(shape)
    num_views = operator._num_views(chosen) if isinstance(operator, HasSubsets) and chosen in own else shape[chosen]
    if not 1 <= num_subsets <= num_views:
        raise ConfigError(
            f"subsets: num_subsets is {num_subsets}, expected 1 to {num_views}, the number of views along axis "
            f"{chosen}. Choose fewer subsets, or another axis."
        )
    views = torch.arange(num_views, device=operator.codomain.device)
    return tuple(_subset(operator, chosen, views[i::num_subsets]) for i in range(num_subsets))


def _subset(operator: LinearOperator, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
    if isinstance(operator, HasSubsets) and axis in operator.view_axes:
        return operator._subset(axis, views)
    restriction = Restriction(operator.codomain, axis, views)
    return restriction @ operator, restriction
