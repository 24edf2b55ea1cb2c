"""Indicators of convex sets: 0 inside, +inf outside; the proximal map is the projection, whatever tau is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from .base import Proximable, sum_per_image


@dataclass(frozen=True, eq=False, repr=False)
class Box(Proximable):
    """The indicator of low <= x <= high, elementwise, for real images.

    Raises: ConfigError unless low <= high.
    """

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ConfigError(f"Box: bounds are [{self.low}, {self.high}], expected low <= high. Swap them.")

    def _value(self, x: Tensor) -> Tensor:
        _require_real(x, "Box")
        inside = ((x >= self.low) & (x <= self.high)).flatten(1).all(1)
        return _indicator(inside, x)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "Box")
        return v.clamp(None if self.low == -math.inf else self.low, None if self.high == math.inf else self.high)

    @property
    def conjugate(self) -> Proximable:
        return BoxSupport(self.low, self.high)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return self.conjugate  # c times an indicator is that indicator

    def __repr__(self) -> str:
        return f"Box({self.low:g}, {self.high:g})"


def nonnegativity() -> Box:
    """The indicator of x >= 0."""
    return Box(0.0, math.inf)


@dataclass(frozen=True, eq=False, repr=False)
class BoxSupport(Proximable):
    """The conjugate of a box: z -> sum max(low z, high z), +inf where an infinite side is pulled.

    prox(v, sigma) = v - sigma clamp(v / sigma, low, high).
    """

    low: float
    high: float

    def _value(self, z: Tensor) -> Tensor:
        _require_real(z, "BoxSupport")
        zero = torch.zeros_like(z)
        upper = torch.where(z > 0, z * self.high, zero)
        lower = torch.where(z < 0, z * self.low, zero)
        return sum_per_image(upper + lower)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "BoxSupport")
        return v - tau * (v / tau).clamp(self.low, self.high)

    @property
    def conjugate(self) -> Proximable:
        return Box(self.low, self.high)


@dataclass(frozen=True, eq=False, repr=False)
class Ball(Proximable):
    """The indicator of |x_p|_2 <= radius for every group p; groups as in ``GroupL1``, None for the whole image."""

    radius: float | Tensor = 1.0
    axes: tuple[int, ...] | None = ()

    def _value(self, x: Tensor) -> Tensor:
        axes = tuple(range(x.ndim - 1)) if self.axes is None else self.axes
        # A projected point may lie outside by the rounding of its norm.
        slack = 4 * torch.finfo(x.dtype).eps * self.radius
        inside = (group_norm(x, axes) <= self.radius + slack).flatten(1).all(1)
        return _indicator(inside, x)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        axes = tuple(range(v.ndim - 1)) if self.axes is None else self.axes
        return project_onto_ball(v, axes, self.radius)

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled
        from .norms import L2, GroupL1

        return _scaled(self.radius, L2() if self.axes is None else GroupL1(self.axes))

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return self.conjugate

    def __repr__(self) -> str:
        return f"Ball({float(self.radius):g}, axes={self.axes})"


def group_norm(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The Euclidean norm along ``axes`` (counted without the batch axis), which are kept with length 1."""
    if not axes:
        return x.abs()
    return torch.linalg.vector_norm(x, dim=[a + 1 for a in axes], keepdim=True)


def project_onto_ball(v: Tensor, axes: tuple[int, ...], radius: float | Tensor) -> Tensor:
    """v min(1, radius / |v_p|), group by group; zero where the radius is."""
    if not axes and not v.is_complex() and not isinstance(radius, Tensor):
        return v.clamp(-radius, radius)
    length = group_norm(v, axes)
    tiny = torch.finfo(length.dtype).tiny
    bound = (
        length.clamp_min(max(radius, tiny))
        if not isinstance(radius, Tensor)
        else length.clamp_min(tiny).maximum(radius.expand_as(length) if radius.ndim == 0 else radius)
    )
    return v * (radius / bound)


def _indicator(inside: Tensor, x: Tensor) -> Tensor:
    zero = torch.zeros(len(x), dtype=x.abs().dtype if x.is_complex() else x.dtype, device=x.device)
    return zero.masked_fill(~inside, math.inf)


def _require_real(x: Tensor, who: str) -> None:
    if x.is_complex():
        raise ShapeError(
            f"{who}: image is {x.dtype}, expected a real one. Constrain its magnitude or real part instead."
        )
