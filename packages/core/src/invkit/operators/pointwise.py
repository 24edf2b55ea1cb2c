"""Pointwise nonlinear operators, for reparametrisations such as x = exp(u) > 0: value and derivative in closed form.

F(x)_i = f(x_i)     F'(x) v = f'(x) v     F'(x)* z = conj(f'(x)) z
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from .nonlinear import HasJacobianNorm
from .norm import Interval
from .space import Space


@dataclass(frozen=True, eq=False, repr=False)
class Pointwise(HasJacobianNorm):
    """x -> f(x), number by number, on images of ``space``; f is real, or complex differentiable."""

    space: Space

    @abc.abstractmethod
    def _slope(self, x: Tensor) -> Tensor:
        """f'(x), the shape of x; differentiable in x."""

    @property
    def domain(self) -> Space:
        return self.space

    @property
    def codomain(self) -> Space:
        return self.space

    @final
    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return self._slope(x) * v

    @final
    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        return self._slope(x).conj() * z

    @final
    def _jacobian_norm(self, x: Tensor) -> Interval:
        largest = float(self._slope(x.detach()).abs().max())
        # Slopes carry the rounding of a few elementary functions in their own precision.
        slack = 16 * torch.finfo(x.dtype).eps
        return Interval(largest * (1 - slack), largest * (1 + slack), "largest slope")


@dataclass(frozen=True, eq=False, repr=False)
class Exp(Pointwise):
    """x -> exp(x), real or complex: positive images without a constraint."""

    def _forward(self, x: Tensor) -> Tensor:
        return x.exp()

    def _slope(self, x: Tensor) -> Tensor:
        return x.exp()


@dataclass(frozen=True, eq=False, repr=False)
class Log(Pointwise):
    """x -> log(max(x, floor)) for real images; slope 1/x, and 0 below the floor.

    floor: what smaller numbers count as, so that no photon gives -log(floor) and neither -inf nor NaN; 1e-12 is below
        every count, the smallest count that the detector tells from none is better. A floor below the smallest normal
        number of the precision is that number.

    Raises: ShapeError if the space is complex; ConfigError if the floor is not a positive number.
    """

    floor: float = 1e-12

    def __post_init__(self) -> None:
        _require_real(self.space, "Log")
        if not 0 < self.floor < math.inf:
            raise ConfigError(
                f"Log: floor is {self.floor}, expected a positive number. Pass the smallest value that occurs."
            )

    def _forward(self, x: Tensor) -> Tensor:
        return x.clamp_min(self._lowest).log()

    def _slope(self, x: Tensor) -> Tensor:
        return torch.where(x >= self._lowest, 1 / x.clamp_min(self._lowest), 0)

    @property
    def _lowest(self) -> float:
        return max(self.floor, torch.finfo(self.space.dtype).tiny)


@dataclass(frozen=True, eq=False, repr=False)
class Softplus(Pointwise):
    """x -> log(1 + exp(sharpness x)) / sharpness: positive, and x itself where that is large; real images.

    Raises: ShapeError if the space is complex; ConfigError if the sharpness is not a positive number.
    """

    sharpness: float = 1.0

    def __post_init__(self) -> None:
        _require_real(self.space, "Softplus")
        if not 0 < self.sharpness < math.inf:
            raise ConfigError(f"Softplus: sharpness is {self.sharpness}, expected a positive number. Use 1.0.")

    def _forward(self, x: Tensor) -> Tensor:
        # torch's own softplus leaves the exponential out from 20 on, which double precision sees.
        scaled = self.sharpness * x
        return torch.logaddexp(scaled, torch.zeros_like(scaled)) / self.sharpness

    def _slope(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.sharpness * x)


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(Pointwise):
    """x -> low + (high - low) / (1 + exp(-x)): images between two bounds without a constraint; real images.

    Raises: ShapeError if the space is complex; ConfigError unless low < high are finite.
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _require_real(self.space, "Sigmoid")
        if not -math.inf < self.low < self.high < math.inf:
            raise ConfigError(f"Sigmoid: bounds are [{self.low}, {self.high}], expected finite low < high. Swap them.")

    def _forward(self, x: Tensor) -> Tensor:
        return self.low + (self.high - self.low) * torch.sigmoid(x)

    def _slope(self, x: Tensor) -> Tensor:
        return (self.high - self.low) * torch.sigmoid(x) * torch.sigmoid(-x)  # 1 - sigmoid(x) would cancel


@dataclass(frozen=True, eq=False, repr=False)
class Square(Pointwise):
    """x -> x^2, real (nonnegative images) or complex; without |.|, so that it is complex differentiable."""

    def _forward(self, x: Tensor) -> Tensor:
        return x.square()

    def _slope(self, x: Tensor) -> Tensor:
        return 2 * x


def _require_real(space: Space, who: str) -> None:
    if space.is_complex:
        raise ShapeError(f"{who}: space is {space.dtype}, expected a real one. Compose with a real or magnitude part.")
