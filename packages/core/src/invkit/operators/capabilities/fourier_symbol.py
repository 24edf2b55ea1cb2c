"""Operators whose A*A is diagonal in the discrete Fourier transform, so that sums of them are inverted exactly."""

from __future__ import annotations

import abc
from typing import Any

from torch import Tensor

from ..algebra import Scaled
from ..base import LinearOperator


class HasFourierSymbol(LinearOperator):
    """A linear operator on images (channels, *image_shape) with A*A = F* diag(s) F, channel by channel."""

    @abc.abstractmethod
    def _gram_symbol(self) -> Tensor | None:
        """s >= 0, real, of a shape that broadcasts to image_shape, with frequency zero at index 0.

        None where this instance is not diagonal, such as one with another boundary.
        """


def gram_symbol(operator: LinearOperator) -> Tensor | None:
    """s with A*A = F* diag(s) F; None where A*A is not known to be diagonal."""
    if isinstance(operator, HasFourierSymbol):
        return operator._gram_symbol()
    if isinstance(operator, Scaled):
        inner = gram_symbol(operator.operator)
        size: Any = abs(operator.factor)
        return None if inner is None else size**2 * inner
    return None
