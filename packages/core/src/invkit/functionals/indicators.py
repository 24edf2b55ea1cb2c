"""Indicators of convex sets: 0 inside, +inf outside; the proximal map is the projection, whatever tau is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..derivations.symmetry import Action, Moved, keeps_groups
from ..errors import ConfigError, ShapeError
from ..operators.space import real_dtype, same_kind, squared_magnitude
from .base import Proximable, as_float, check_number, check_weight, parameters_hold, sum_per_image, weight_for


class Indicator(Proximable):
    """0 in a closed convex set and +inf outside; the proximal map is the projection, and c times it is itself."""

    @final
    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    @final
    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return self.conjugate


@dataclass(frozen=True, eq=False, repr=False)
class Box(Indicator):
    """The indicator of low <= x <= high, elementwise, for real images.

    low, high: numbers, or tensors of the shape of an image without the batch axis, or with axes of length 1; infinite
        where there is no bound. Gradients reach them.

    Raises: ConfigError unless low <= high; ShapeError if the bounds do not fit an image.
    """

    low: float | Tensor = -math.inf
    high: float | Tensor = math.inf

    def __post_init__(self) -> None:
        for name, bound in (("low", self.low), ("high", self.high)):
            check_number(bound, "Box", name)
        low, high = (b.detach() if isinstance(b, Tensor) else torch.tensor(float(b)) for b in (self.low, self.high))
        if not bool(((low <= high) & (low < math.inf) & (high > -math.inf)).all()):
            raise ConfigError(
                f"Box: bounds are [{_named(self.low)}, {_named(self.high)}], expected low <= high and no "
                "NaN. Swap or repair them."
            )

    def _value(self, x: Tensor) -> Tensor:
        _require_real(x, "Box")
        low, high = _fitting(self.low, x, "Box"), _fitting(self.high, x, "Box")
        return _indicator(((x >= low) & (x <= high)).flatten(1).all(1), x)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "Box")
        return _clipped(v, _fitting(self.low, v, "Box"), _fitting(self.high, v, "Box"))

    def is_invariant(self, action: Action) -> bool:
        return isinstance(action, Moved) and all(_is_one_number(bound) for bound in (self.low, self.high))

    @property
    def conjugate(self) -> Proximable:
        return BoxSupport(self.low, self.high)

    def __repr__(self) -> str:
        return f"Box({_named(self.low)}, {_named(self.high)})"


def nonnegativity() -> Box:
    """The indicator of x >= 0."""
    return Box(0.0, math.inf)


@dataclass(frozen=True, eq=False, repr=False)
class BoxSupport(Proximable):
    """The conjugate of a box: z -> sum max(low z, high z), +inf where an infinite side is pulled.

    prox(v, sigma) = v - clamp(v, sigma low, sigma high).
    """

    low: float | Tensor
    high: float | Tensor

    def _value(self, z: Tensor) -> Tensor:
        _require_real(z, "BoxSupport")
        low, high = _fitting(self.low, z, "BoxSupport"), _fitting(self.high, z, "BoxSupport")
        return sum_per_image(_pulled(z, high) + _pulled(-z, -low))

    derivations = (rules.CONJUGATE_CONVEX,)

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def is_invariant(self, action: Action) -> bool:
        return isinstance(action, Moved) and all(_is_one_number(bound) for bound in (self.low, self.high))

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "BoxSupport")
        low, high = (_times(tau, _fitting(bound, v, "BoxSupport")) for bound in (self.low, self.high))
        return v - _clipped(v, low, high)

    @property
    def conjugate(self) -> Proximable:
        return Box(self.low, self.high)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return Box(_times(weight, self.low), _times(weight, self.high))


@dataclass(frozen=True, eq=False, repr=False)
class Ball(Indicator):
    """The indicator of |x_p|_2 <= radius for every group p; groups as in ``GroupL1``, None for the whole image.

    Raises: ConfigError if the radius is not a finite number >= 0, or an axis is negative.
    """

    radius: float | Tensor = 1.0
    axes: tuple[int, ...] | None = ()

    def __post_init__(self) -> None:
        check_weight(self.radius, "Ball (radius)")
        check_axes(() if self.axes is None else self.axes, "Ball")

    def _value(self, x: Tensor) -> Tensor:
        axes = tuple(range(x.ndim - 1)) if self.axes is None else self.axes
        # A projected point may lie outside by the rounding of its norm.
        radius = weight_for(self.radius, x)
        slack = 16 * torch.finfo(x.dtype).eps * radius
        inside = (group_norm(x, axes) <= radius + slack).flatten(1).all(1)
        return _indicator(inside, x)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        axes = tuple(range(v.ndim - 1)) if self.axes is None else self.axes
        return project_onto_ball(v, axes, self.radius)

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes)

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled
        from .norms import L2, GroupL1

        return _scaled(self.radius, L2() if self.axes is None else GroupL1(self.axes))

    def __repr__(self) -> str:
        return f"Ball({as_float(self.radius):g}, axes={self.axes})"


def group_norm(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The Euclidean norm along ``axes`` (counted without the batch axis), which are kept with length 1."""
    return x.abs() if not axes else root(squared_norm(x, axes)).to(real_dtype(x.dtype))


def project_onto_ball(v: Tensor, axes: tuple[int, ...], radius: float | Tensor) -> Tensor:
    """v min(1, radius / |v_p|), group by group; zero where the radius is."""
    if isinstance(radius, Tensor):
        radius = radius.to(device=v.device, dtype=real_dtype(v.dtype))  # it must not widen the images
    else:
        radius = min(radius, torch.finfo(v.dtype).max)
    if not axes and not v.is_complex():
        return _clipped(v, -radius, radius)
    squared = squared_norm(v, axes)
    tiny, largest = torch.finfo(squared.dtype).tiny, torch.finfo(squared.dtype).max
    # The first bound keeps the root away from zero, so that the map is twice differentiable there; the second makes
    # the factor exactly 1 inside the ball.
    if isinstance(radius, Tensor):
        radius = radius.to(squared.dtype)
        length = squared.maximum(radius.square() / 4).clamp_(tiny, largest).sqrt_().maximum(radius)
    else:
        length = squared.clamp_min_(min(max(radius * radius / 4, tiny), largest)).sqrt_().clamp_min(radius)
    return v * (radius / length).to(real_dtype(v.dtype))


def squared_norm(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """sum |x_i|^2 along ``axes``, which are kept with length 1, in float64: no square of a float32 number overflows.

    ``torch.linalg.vector_norm`` takes far longer where a group has stride.
    """
    squares = squared_magnitude(x.to(same_kind(torch.float64, x.dtype)))
    return squares.sum(behind_batch(axes, x), keepdim=True) if axes else squares


def root(squares: Tensor) -> Tensor:
    """The square root of numbers >= 0, with derivative 0 at 0 whatever the order."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)


def check_axes(axes: tuple[int, ...], who: str) -> None:
    """Raises: ConfigError unless axes are different whole numbers >= 0."""
    if not isinstance(axes, tuple | list):
        raise ConfigError(f"{who}: axes are {axes!r}, expected a tuple of numbers >= 0. Write ({axes!r},).")
    if any(not isinstance(axis, int) or axis < 0 for axis in axes):
        raise ConfigError(
            f"{who}: axes are {tuple(axes)}, expected numbers >= 0. Count from the first axis after the batch."
        )
    if len(set(axes)) != len(axes):
        raise ConfigError(f"{who}: axes are {tuple(axes)}, expected each once. Leave the others out.")


def behind_batch(axes: tuple[int, ...], x: Tensor) -> tuple[int, ...]:
    """Axes of an image as axes of the batch x.

    Raises: ShapeError if x has too few.
    """
    if axes and max(axes) > x.ndim - 2:
        raise ShapeError(
            f"axes: the groups need axis {max(axes)} of the images, expected at most {x.ndim - 2} for a batch of shape "
            f"{tuple(x.shape)}. Count from the first axis after the batch."
        )
    return tuple(a + 1 for a in axes)


def _indicator(inside: Tensor, x: Tensor) -> Tensor:
    zero = torch.zeros(len(x), dtype=x.abs().dtype if x.is_complex() else x.dtype, device=x.device)
    return zero.masked_fill(~inside, math.inf)


def _require_real(x: Tensor, who: str) -> None:
    if x.is_complex():
        raise ShapeError(
            f"{who}: image is {x.dtype}, expected a real one. Constrain its magnitude or real part instead."
        )


def check_fits(bounds: Tensor, x: Tensor, who: str, what: str) -> None:
    """Raises: ShapeError if bounds or weights of pixels are not of the shape of an image, or with axes of length 1."""
    shape = tuple(x.shape[1:])
    if bounds.ndim != len(shape) or any(b not in (1, n) for b, n in zip(bounds.shape, shape, strict=True)):
        raise ShapeError(
            f"{who}: {what} have shape {tuple(bounds.shape)}, expected {shape} or axes of length 1. "
            "Build them for this image."
        )


def _fitting(bound: float | Tensor, x: Tensor, who: str) -> float | Tensor:
    if not isinstance(bound, Tensor):
        return bound
    if bound.ndim:
        check_fits(bound, x, who, "bounds")
    return bound.to(x.dtype)  # a bound of another precision must not widen the images


def _clipped(v: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        return v.clamp(min=low).clamp(max=high)
    return v.clamp(low, high)


def _pulled(z: Tensor, bound: float | Tensor) -> Tensor:
    """z bound where z > 0, else 0; an infinite product has no slope, for 0 * inf would be NaN in the gradient."""
    bound = bound if isinstance(bound, Tensor) else z.new_full((), bound)
    pulled, finite = z > 0, torch.isfinite(bound)
    product = torch.where(pulled & finite, z, 0) * torch.where(finite, bound, 0)
    return torch.where(pulled & ~finite, math.inf, product)


def _times(tau: float | Tensor, bound: float | Tensor) -> float | Tensor:
    """An infinite bound stays infinite, whatever tau is."""
    if not isinstance(bound, Tensor):
        return tau * bound if math.isfinite(bound) else bound
    finite = torch.isfinite(bound)
    return torch.where(finite, tau * torch.where(finite, bound, 0), bound)


def _is_one_number(bound: float | Tensor) -> bool:
    return not isinstance(bound, Tensor) or bound.numel() == 1


def _named(bound: float | Tensor) -> str:
    return f"{bound:g}" if not isinstance(bound, Tensor) else f"tensor of shape {tuple(bound.shape)}"
