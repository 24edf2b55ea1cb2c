"""The discrete gradient by forward differences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..derivations.symmetry import Action, Monomial, Moved
from ..errors import ConfigError
from .base import HasGramDiagonal
from .capabilities.absolute_sums import HasAbsoluteSums
from .capabilities.fourier_symbol import HasFourierSymbol
from .norm import Interval
from .space import Space, image_axes, is_text, real_dtype

Boundary = Literal["neumann", "periodic"]


@dataclass(frozen=True, eq=False, repr=False)
class FiniteDifference(HasAbsoluteSums, HasFourierSymbol, HasGramDiagonal):
    """(Dx)_i = (x shifted by one along axis i - x) / h_i: (batch, channel, *spatial) -> (batch, channel, d, *spatial).

    boundary: ``neumann`` sets the last difference of each axis to zero, ``periodic`` wraps round.
    spacing: h_i, in mm or pixels; one number serves all axes.

    Norm in closed form, for n_i pixels (the axes are diagonalised together by the cosine or Fourier transform):
        |D|^2 = sum_i 4 cos^2(pi / (2 n_i)) / h_i^2  (neumann; periodic with odd n_i),  4 / h_i^2  (periodic, even n_i).

    Raises: ConfigError if the boundary is unknown or a spacing is not positive.
    Source: Chambolle (2004), section 2, for the neumann case; the norm from the eigenvalues of path and cycle graphs.
    """

    image_shape: tuple[int, ...]
    channels: int = 1
    boundary: Boundary = "neumann"
    spacing: float | tuple[float, ...] = 1.0
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_shape", image_axes(self.image_shape, "FiniteDifference"))
        if is_text(self.channels):
            raise ConfigError(
                f"FiniteDifference: channels is {self.channels!r}, expected a positive whole number. "
                "Name the others: boundary=..., spacing=..."
            )
        if self.boundary not in ("neumann", "periodic"):
            raise ConfigError(
                f"FiniteDifference: boundary is {self.boundary!r}, expected 'neumann' or 'periodic'. Choose one."
            )
        given = self.spacing if isinstance(self.spacing, tuple | list) else (self.spacing,) * len(self.image_shape)
        if len(given) != len(self.image_shape) or any(is_text(h) or not 0 < h < math.inf for h in given):
            raise ConfigError(
                f"FiniteDifference: spacing is {self.spacing!r}, expected {len(self.image_shape)} positive numbers. "
                "Give the size of a pixel along each axis."
            )
        object.__setattr__(self, "spacing", tuple(float(h) for h in given))

    @property
    def domain(self) -> Space:
        return Space((self.channels, *self.image_shape), self.dtype, self.device)

    @property
    def codomain(self) -> Space:
        return Space((self.channels, len(self.image_shape), *self.image_shape), self.dtype, self.device)

    def _axes(self) -> Iterator[tuple[int, int, int, float]]:
        """(component, axis of the image, pixels, spacing), the axis counted from the end."""
        dims = len(self.image_shape)
        for i, (n, h) in enumerate(zip(self.image_shape, self.spacing, strict=True)):  # type: ignore[arg-type]
            yield i, i - dims, n, h

    def _forward(self, x: Tensor) -> Tensor:
        out = x.new_empty((len(x), *self.codomain.shape))
        for i, axis, n, h in self._axes():
            component = out.select(2, i)
            component.narrow(axis, 0, n - 1).copy_(x.narrow(axis, 1, n - 1)).sub_(x.narrow(axis, 0, n - 1))
            last = component.narrow(axis, n - 1, 1)
            if self.boundary == "periodic":
                last.copy_(x.narrow(axis, 0, 1)).sub_(x.narrow(axis, n - 1, 1))
            else:
                last.zero_()
            if h != 1.0:
                component.div_(h)
        return out

    def _adjoint(self, y: Tensor) -> Tensor:
        out = y.new_empty((len(y), *self.domain.shape))
        for i, axis, n, h in self._axes():
            component = y.select(2, i) if h == 1.0 else y.select(2, i) / h
            inner = component.narrow(axis, 0, n - 1)
            if i == 0:
                out.narrow(axis, 0, 1).zero_()
                out.narrow(axis, 1, n - 1).copy_(inner)
            else:
                out.narrow(axis, 1, n - 1).add_(inner)
            out.narrow(axis, 0, n - 1).sub_(inner)
            if self.boundary == "periodic":
                last = component.narrow(axis, n - 1, 1)
                out.narrow(axis, 0, 1).add_(last)
                out.narrow(axis, n - 1, 1).sub_(last)
        return out

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        out = weights.new_zeros((len(weights), *self.domain.shape))
        for i, axis, n, h in self._axes():
            if n == 1:
                continue  # the one difference is x - x
            # A pixel stands in its own difference and in that of the pixel before.
            own = weights.select(2, i) / h**2
            if self.boundary == "neumann":
                own = torch.cat([own.narrow(axis, 0, n - 1), torch.zeros_like(own.narrow(axis, 0, 1))], axis)
            out = out + own + own.roll(1, axis)
        return out

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        rows = torch.zeros((1, *self.codomain.shape), dtype=real_dtype(self.dtype), device=self.device)
        columns = rows.new_zeros((1, *self.domain.shape))
        for i, axis, n, h in self._axes():
            if n == 1:
                continue  # the one difference is x - x
            along = rows.select(2, i)
            along.fill_(2 / h)
            if self.boundary == "neumann":
                along.narrow(axis, n - 1, 1).zero_()
            # A pixel stands in its own difference and in that of the pixel before.
            columns += (along + along.roll(1, axis)) / 2
        return columns, rows

    def _gram_symbol(self) -> Tensor | None:
        if self.boundary != "periodic":
            return None
        symbol = torch.zeros((1,) * len(self.image_shape), dtype=torch.float64, device=self.device)
        for _, axis, n, h in self._axes():
            k = torch.arange(n, dtype=torch.float64, device=self.device)
            along = (2 * torch.sin(math.pi * k / n) / h).square()
            symbol = symbol + along.reshape(-1, *(1,) * (-1 - axis))
        return symbol.to(real_dtype(self.dtype))

    def _carried(self, action: Action) -> Action | None:
        dims = len(self.image_shape)
        if not isinstance(action, Moved) or (action.leading, action.dims) != (1, dims):
            return None
        if action.group == "translations":
            return Moved("translations", 2, dims) if self.boundary == "periodic" else None
        if action.group in ("flips", "D2", "C2"):
            return Monomial()  # a mirrored difference has the other sign and stands one place further
        spacing: tuple[float, ...] = self.spacing  # type: ignore[assignment]
        return Monomial() if action.group in ("C4", "D4") and spacing[-1] == spacing[-2] else None

    def _norm(self) -> Interval:
        along = [0.0]
        for _, _, n, h in self._axes():
            if n == 1:
                continue  # no difference at all, where cos(pi / 2) is 6e-17 in floating point rather than zero
            whole = self.boundary == "periodic" and n % 2 == 0
            along.append((2.0 if whole else 2.0 * math.cos(math.pi / (2 * n))) / h)
        return Interval.exact(math.hypot(*along))
