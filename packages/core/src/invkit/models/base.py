"""Reconstructors: every method, learned or not, is called the same way."""

from __future__ import annotations

import abc

from torch import Tensor, nn

from ..claims import Claim
from ..operators.base import LinearOperator


class Reconstructor(nn.Module, abc.ABC):
    """model(y, operator) -> x, for any operator the method can use.

    y: a batch of the operator's codomain.   x: a batch of its domain. Each image is reconstructed alone.
    """

    @abc.abstractmethod
    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        """Reconstruct.

        Raises: ShapeError if y is not a batch of the operator's codomain; DataError if it is not finite.
        """

    def claims(self) -> tuple[Claim, ...]:
        """What this method states of itself, whatever the operator; theorems about a pair come from ``explain``."""
        return ()
