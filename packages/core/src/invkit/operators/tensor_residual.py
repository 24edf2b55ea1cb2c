"""E v - w on images and tensor fields that lie in one tensor: what total generalised variation measures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from .capabilities.absolute_sums import HasAbsoluteSums
from .norm import Interval
from .space import Space, real_dtype
from .symmetric_derivative import SymmetricDerivative, components, window


@dataclass(frozen=True, eq=False, repr=False)
class TensorResidual(HasAbsoluteSums):
    """(x, w_1, ..., w_{k-1}) -> E w_{l-1} - w_l, with w_0 = x and w_k = 0, where E w_{l-1} is defined; 0 elsewhere.

    derivative: E on tensors of order l - 1.   last: k, the number of levels.
    The argument holds all fields as channels, (batch, C (n_0 + ... + n_{k-1}), *spatial): first the image's C, then
    the C n_1 of w_1 (those of one channel side by side), and so on. The value has shape (batch, C, n_l, *spatial).

    |K| <= (|E|^2 + 1)^(1/2), or |E| on the last level: a row of two operators.

    Raises: ConfigError if the level is beyond the last.
    """

    derivative: SymmetricDerivative
    last: int

    def __post_init__(self) -> None:
        if not self.derivative.order < self.last:
            raise ConfigError(
                f"TensorResidual: order of the derivative is {self.derivative.order}, expected less than {self.last}, "
                "the number of levels. Raise last."
            )

    @property
    def domain(self) -> Space:
        e = self.derivative
        shape = (sum(self._counts()[: self.last]), *e.image_shape)
        return Space(shape, e.dtype, e.device)

    @property
    def codomain(self) -> Space:
        return self.derivative.codomain

    def fields(self, u: Tensor) -> tuple[Tensor, ...]:
        """x, w_1, ... out of u, as views of shape (batch, C, n_l, *spatial)."""
        parts = u.split(self._counts()[: self.last], dim=1)
        return tuple(part.unflatten(1, (self.derivative.channels, -1)) for part in parts)

    def _counts(self) -> list[int]:
        e = self.derivative
        return [e.channels * len(components(len(e.image_shape), level)) for level in range(self.last + 1)]

    @property
    def _is_last(self) -> bool:
        return self.derivative.order + 1 == self.last

    def _forward(self, u: Tensor) -> Tensor:
        e, fields = self.derivative, self.fields(u)
        out = e.forward(fields[e.order])
        if not self._is_last:
            for index, box in enumerate(self._boxes()):
                window(out.select(2, index), box).sub_(window(fields[e.order + 1].select(2, index), box))
        return out

    def _adjoint(self, z: Tensor) -> Tensor:
        e = self.derivative
        parts = [z.new_zeros((len(z), count, *e.image_shape)) for count in self._counts()[: self.last]]
        parts[e.order] = e.adjoint(z).flatten(1, 2)
        if not self._is_last:
            behind = torch.zeros_like(z)
            for index, box in enumerate(self._boxes()):
                window(behind.select(2, index), box).sub_(window(z.select(2, index), box))
            parts[e.order + 1] = behind.flatten(1, 2)
        return torch.cat(parts, 1)

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        e = self.derivative
        column, rows = e._absolute_sums()
        columns = torch.zeros((1, *self.domain.shape), dtype=real_dtype(e.dtype), device=e.device)
        fields = self.fields(columns)
        fields[e.order].copy_(column)
        if not self._is_last:
            for index, box in enumerate(self._boxes()):
                window(fields[e.order + 1].select(2, index), box).add_(1)
                window(rows.select(2, index), box).add_(1)
        return columns, rows

    def _boxes(self) -> list[tuple[tuple[int, int], ...]]:
        e = self.derivative
        return [e.support(m) for m in components(len(e.image_shape), e.order + 1)]

    def _norm(self) -> Interval:
        norm = self.derivative.norm()
        if self._is_last:
            return norm
        one = Interval.exact(1.0)
        squared = norm * norm + one * one
        return Interval(
            norm.lower, squared.upper**0.5 * (1 + 1e-15), f"row: root sum of squares, {norm.how}", norm.basis
        )
