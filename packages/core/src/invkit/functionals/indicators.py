"""Indicators of convex sets: 0 inside, +inf outside; the proximal map is the projection, whatever tau is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from ..operators.space import squared_magnitude
from .base import Proximable, as_float, check_weight, sum_per_image


@dataclass(frozen=True, eq=False, repr=False)
class Box(Proximable):
    """The indicator of low <= x <= high, elementwise, for real images.

    Raises: ConfigError unless low <= high.
    """

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not (self.low <= self.high and self.low < math.inf and self.high > -math.inf):
            raise ConfigError(f"Box: bounds are [{self.low}, {self.high}], expected low <= high. Swap them.")

    def _value(self, x: Tensor) -> Tensor:
        _require_real(x, "Box")
        inside = ((x >= self.low) & (x <= self.high)).flatten(1).all(1)
        return _indicator(inside, x)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "Box")
        return v.clamp(self.low, self.high)

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

    prox(v, sigma) = v - clamp(v, sigma low, sigma high).
    """

    low: float
    high: float

    def _value(self, z: Tensor) -> Tensor:
        _require_real(z, "BoxSupport")
        zero = torch.zeros_like(z)
        upper = torch.where(z > 0, z * self.high, zero)
        lower = torch.where(z < 0, z * self.low, zero)
        return sum_per_image(upper + lower)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "BoxSupport")
        # An infinite bound stays infinite, whatever sigma is: 0 * inf would be NaN.
        low, high = (tau * bound if math.isfinite(bound) else bound for bound in (self.low, self.high))
        return v - v.clamp(min=low).clamp(max=high)

    @property
    def conjugate(self) -> Proximable:
        return Box(self.low, self.high)


@dataclass(frozen=True, eq=False, repr=False)
class Ball(Proximable):
    """The indicator of |x_p|_2 <= radius for every group p; groups as in ``GroupL1``, None for the whole image.

    Raises: ConfigError if the radius is not a finite number >= 0, or an axis is negative.
    """

    radius: float | Tensor = 1.0
    axes: tuple[int, ...] | None = ()

    def __post_init__(self) -> None:
        check_weight(self.radius, "Ball (radius)")
        check_axes(self.axes or (), "Ball")

    def _value(self, x: Tensor) -> Tensor:
        axes = tuple(range(x.ndim - 1)) if self.axes is None else self.axes
        # A projected point may lie outside by the rounding of its norm.
        slack = 16 * torch.finfo(x.dtype).eps * self.radius
        inside = (group_norm(x, axes) <= self.radius + slack).flatten(1).all(1)
        return _indicator(inside, x)

    def convexity(self) -> float:
        return 0.0

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
        return f"Ball({as_float(self.radius):g}, axes={self.axes})"


def group_norm(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The Euclidean norm along ``axes`` (counted without the batch axis), which are kept with length 1."""
    if not axes:
        return x.abs()
    squared = _squared_norm(x, axes)
    positive = squared > 0
    return torch.where(positive, torch.where(positive, squared, 1).sqrt(), 0)  # the subgradient at zero is 0


def project_onto_ball(v: Tensor, axes: tuple[int, ...], radius: float | Tensor) -> Tensor:
    """v min(1, radius / |v_p|), group by group; zero where the radius is."""
    if not axes and not v.is_complex() and not isinstance(radius, Tensor):
        return v.clamp(-radius, radius)
    squared = _squared_norm(v, axes)
    tiny = torch.finfo(squared.dtype).tiny
    # The first bound keeps the root away from zero, so that the map is twice differentiable there; the second makes
    # the factor exactly 1 inside the ball.
    if isinstance(radius, Tensor):
        radius = radius.to(squared)  # a weight of another precision must not widen the images
        length = squared.maximum(radius.square() / 4).clamp_min_(tiny).sqrt_().maximum(radius)
    else:
        length = squared.clamp_min_(max(radius * radius / 4, tiny)).sqrt_().clamp_min(radius)
    return v * (radius / length)


def _squared_norm(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The square of ``group_norm``; ``torch.linalg.vector_norm`` takes fifty times longer where a group has stride."""
    squares = squared_magnitude(x)
    return squares.sum([a + 1 for a in axes], keepdim=True) if axes else squares


def check_axes(axes: tuple[int, ...], who: str) -> None:
    """Raises: ConfigError if an axis is negative."""
    if any(axis < 0 for axis in axes):
        raise ConfigError(
            f"{who}: axes are {tuple(axes)}, expected numbers >= 0. Count from the first axis after the batch."
        )


def _indicator(inside: Tensor, x: Tensor) -> Tensor:
    zero = torch.zeros(len(x), dtype=x.abs().dtype if x.is_complex() else x.dtype, device=x.device)
    return zero.masked_fill(~inside, math.inf)


def _require_real(x: Tensor, who: str) -> None:
    if x.is_complex():
        raise ShapeError(
            f"{who}: image is {x.dtype}, expected a real one. Constrain its magnitude or real part instead."
        )
