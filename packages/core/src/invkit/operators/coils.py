"""Multiplication by coil sensitivities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .base import HasGram, HasGramDiagonal, HasPseudoInverse, LinearOperator
from .capabilities.views import HasSubsets
from .norm import Interval
from .restriction import Restriction
from .space import Space, squared_magnitude


@dataclass(frozen=True, eq=False, repr=False)
class Coils(HasGram, HasGramDiagonal, HasPseudoInverse, HasSubsets):
    """x -> (c_j x)_j for sensitivities c of shape (coil, *spatial): (batch, 1, *spatial) -> (batch, coil, *spatial).

    |C| = max over pixels of (sum_j |c_j|^2)^(1/2), because C*C is that multiplication squared.

    Raises: ShapeError if the sensitivities are not complex with a coil axis; DataError if they are not finite.
    Source: Pruessmann et al. (1999), eq. 1, without the sampling.
    """

    sensitivities: Tensor

    def __post_init__(self) -> None:
        c = self.sensitivities
        if c.ndim < 2 or not c.is_complex():
            raise ShapeError(
                f"Coils: sensitivities have shape {tuple(c.shape)} and dtype {c.dtype}, expected complex "
                "(coil, *spatial). Estimate them with invkit.data.estimate_coil_sensitivities."
            )
        if not bool(torch.isfinite(c.detach()).all()):
            raise DataError("Coils: sensitivities contain NaN or inf, expected finite values. Mask the empty pixels.")

    @property
    def domain(self) -> Space:
        return Space((1, *self.sensitivities.shape[1:]), self.sensitivities.dtype, self.sensitivities.device)

    @property
    def codomain(self) -> Space:
        return Space(tuple(self.sensitivities.shape), self.sensitivities.dtype, self.sensitivities.device)

    def _power(self) -> Tensor:
        """sum_j |c_j|^2, shape (1, *spatial)."""
        return squared_magnitude(self.sensitivities).sum(0, keepdim=True)

    def _forward(self, x: Tensor) -> Tensor:
        return x * self.sensitivities

    def _adjoint(self, y: Tensor) -> Tensor:
        return (y * self.sensitivities.conj()).sum(1, keepdim=True)

    def _gram(self, x: Tensor) -> Tensor:
        return x * self._power()

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        return (weights * squared_magnitude(self.sensitivities)).sum(1, keepdim=True)

    @property
    def view_axes(self) -> tuple[int, ...]:
        return (0,)

    def _num_views(self, axis: int) -> int:
        return len(self.sensitivities)

    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        return Coils(self.sensitivities.index_select(0, views)), Restriction(self.codomain, 0, views)

    def _pseudo_inverse(self, y: Tensor) -> Tensor:
        power = self._power()
        seen = power > torch.finfo(power.dtype).tiny  # what is smaller has no reciprocal
        return self._adjoint(y) * torch.where(seen, 1 / torch.where(seen, power, 1), 0)

    def _norm(self) -> Interval:
        wide = self.sensitivities.to(torch.complex128)
        largest = float(wide.abs().max()) or 1.0  # so that no square vanishes or overflows
        return Interval.exact(largest * math.sqrt(float(squared_magnitude(wide / largest).sum(0).max())))
