"""What an operator offers whose views can be computed one by one; ``subsets.py`` chooses them."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from torch import Tensor

from ..base import LinearOperator

if TYPE_CHECKING:
    from ..restriction import Restriction


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
