"""What is left of a gradient field without its part along given directions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..claims import CERTIFIED
from ..errors import ConfigError, ShapeError
from .base import LinearOperator
from .norm import Interval
from .space import Space, real_dtype


@dataclass(frozen=True, eq=False, repr=False)
class AcrossDirection(LinearOperator):
    """(P z)_p = z_p - xi_p <xi_p, z_p> for real directions |xi_p| <= 1: (batch, channel, d, *spatial) to itself.

    directions: xi, (channel or 1, d, *spatial), real. P removes the part along xi by the fraction |xi|^2; where xi = 0
        it is the identity.   channels, dtype: of the fields, which may be complex.

    P is self-adjoint with eigenvalues 1 - |xi_p|^2 and, in more than one dimension, 1: |P| <= 1.

    Raises: ShapeError if the directions have another shape, or are complex; ConfigError if one is longer than 1.
    """

    directions: Tensor
    channels: int = 1
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        shape = tuple(self.directions.shape)
        if len(shape) < 3 or shape[1] != len(shape) - 2 or shape[0] not in (1, self.channels):
            raise ShapeError(
                f"AcrossDirection: directions have shape {shape}, expected (1 or {self.channels}, d, *spatial) with d "
                "spatial axes. Give one direction for each pixel."
            )
        if self.directions.dtype != real_dtype(self.dtype):
            raise ShapeError(
                f"AcrossDirection: directions are {self.directions.dtype}, expected {real_dtype(self.dtype)}. "
                "Convert them."
            )
        longest = float(self._squares().detach().max())
        # Written so that NaN is refused too.
        if not longest <= 1 + 16 * torch.finfo(self.directions.dtype).eps:
            raise ConfigError(
                f"AcrossDirection: the longest direction is {longest**0.5:g}, expected at most 1. Normalise them."
            )

    def _squares(self) -> Tensor:
        return self.directions.square().sum(1, keepdim=True)

    @property
    def domain(self) -> Space:
        return Space((self.channels, *self.directions.shape[1:]), self.dtype, self.directions.device)

    @property
    def codomain(self) -> Space:
        return self.domain

    def _forward(self, z: Tensor) -> Tensor:
        return z - self.directions * (self.directions * z).sum(2, keepdim=True)

    def _adjoint(self, z: Tensor) -> Tensor:
        return self._forward(z)

    def _norm(self) -> Interval:
        if self.directions.shape[1] > 1:
            return Interval.exact(1.0, "1 across the directions, less along them")
        # In double: near a direction of length 1 the difference cancels, here and in what the operator computes.
        left = (1 - self.directions.detach().double().square()).abs().max()
        lost = 4 * torch.finfo(self.directions.dtype).eps
        return Interval(
            max(0.0, float(left) - lost), float(left) + lost, "one direction: the largest |1 - xi^2|", CERTIFIED
        )

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"self_adjoint"})
