"""The sums of the absolute values of an operator's entries, for diagonal preconditioning."""

from __future__ import annotations

import abc
import functools
from typing import Any

import torch
from torch import Tensor

from ..algebra import Scaled, Stack
from ..base import LinearOperator


class HasAbsoluteSums(LinearOperator):
    """A linear operator that knows its entries well enough to sum their absolute values by column and by row."""

    @abc.abstractmethod
    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        """sum_j |A_ji|, real, of shape (1, *domain.shape), and sum_i |A_ji|, of shape (1, *codomain.shape)."""


def absolute_sums(operator: LinearOperator) -> tuple[Tensor, Tensor] | None:
    """The sums by column and by row as in ``HasAbsoluteSums``; None where they are not at hand."""
    if isinstance(operator, HasAbsoluteSums):
        return operator._absolute_sums()
    if isinstance(operator, Scaled):
        inner = absolute_sums(operator.operator)
        size: Any = abs(operator.factor)
        return None if inner is None else (size * inner[0], size * inner[1])
    if isinstance(operator, Stack):
        parts = [absolute_sums(op) for op in operator.operators]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        columns = functools.reduce(torch.add, [column for column, _ in known])
        return columns, torch.cat([row.flatten(1) for _, row in known], dim=1)
    return None
