"""The sum of magnitudes with a weight for each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from ..operators.space import check_tensor
from .base import Proximable, parameters_hold, sum_per_image, weight_for
from .indicators import Indicator, check_fits, project_onto_ball


@dataclass(frozen=True, eq=False, repr=False)
class WeightedL1(Proximable):
    """sum_i w_i |x_i|, complex numbers by magnitude.

    weights: real and >= 0, of the shape of an image without the batch axis, or with axes of length 1; gradients reach
        them.
    prox: soft thresholding by tau w_i.   conjugate: the indicator of |z_i| <= w_i.

    Raises: ConfigError if a weight is negative or not finite; ShapeError if they do not fit an image.
    """

    weights: Tensor

    def __post_init__(self) -> None:
        _check_bounds(self.weights, "WeightedL1", "weights")

    def _value(self, x: Tensor) -> Tensor:
        check_fits(self.weights, x, "WeightedL1", "weights")
        return sum_per_image(self.weights.to(x.real.dtype) * x.abs())

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        check_fits(self.weights, v, "WeightedL1", "weights")
        return v - project_onto_ball(v, (), tau * weight_for(self.weights, v))

    @property
    def conjugate(self) -> Proximable:
        return MagnitudeBound(self.weights)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return MagnitudeBound(weight * self.weights)

    def __repr__(self) -> str:
        return f"WeightedL1(weights of shape {tuple(self.weights.shape)})"


@dataclass(frozen=True, eq=False, repr=False)
class MagnitudeBound(Indicator):
    """The indicator of |x_i| <= b_i; the bounds as the weights of ``WeightedL1``.

    Raises: ConfigError if a bound is negative or not finite; ShapeError if they do not fit an image.
    """

    bounds: Tensor

    def __post_init__(self) -> None:
        _check_bounds(self.bounds, "MagnitudeBound", "bounds")

    def _value(self, x: Tensor) -> Tensor:
        check_fits(self.bounds, x, "MagnitudeBound", "bounds")
        # A projected point may lie outside by the rounding of its length.
        limit = self.bounds.to(x.real.dtype) * (1 + 16 * torch.finfo(x.dtype).eps)
        inside = (x.abs() <= limit).flatten(1).all(1)
        return torch.zeros(len(x), dtype=x.real.dtype, device=x.device).masked_fill(~inside, math.inf)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        check_fits(self.bounds, v, "MagnitudeBound", "bounds")
        return project_onto_ball(v, (), self.bounds)

    @property
    def conjugate(self) -> Proximable:
        return WeightedL1(self.bounds)

    def __repr__(self) -> str:
        return f"MagnitudeBound(bounds of shape {tuple(self.bounds.shape)})"


def _check_bounds(bounds: Tensor, who: str, what: str) -> None:
    check_tensor(bounds, who, what)
    if not bounds.is_floating_point():
        raise ConfigError(f"{who}: {what} are {bounds.dtype}, expected real floating-point numbers. Convert them.")
    wrong = ~((bounds.detach() >= 0) & torch.isfinite(bounds.detach()))
    if bool(wrong.any()):
        raise ConfigError(
            f"{who}: {int(wrong.sum())} of the {what} are negative or not finite, expected 0. "
            "Change their sign, or set them to 0 to drop their pixels."
        )
