"""Pointwise nonlinear operators, for reparametrisations such as x = exp(u) > 0: value and derivative in closed form.

F(x)_i = f(x_i)     F'(x) v = f'(x) v     F'(x)* z = conj(f'(x)) z
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import final

import torch
from torch import Tensor

from ...claims import CERTIFIED, Claim
from ...derivations import maps
from ...derivations.symmetry import Action, Moved
from ...errors import ConfigError, ShapeError
from ..norm import Interval
from ..space import Space, same_kind
from .algebra import HasJacobianNorm
from .sectors import HasSector, sector_claims


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
    def _carried(self, action: Action) -> Action | None:
        settings = (getattr(self, one.name) for one in fields(self) if one.name != "space")
        alike = all(_is_one_number(setting) for setting in settings)  # else f may differ from pixel to pixel
        return action if isinstance(action, Moved) and alike else None

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
        return Interval(largest * (1 - slack), largest * (1 + slack), "largest slope", CERTIFIED)


@dataclass(frozen=True, eq=False, repr=False)
class BoundedSlope(Pointwise, HasSector):
    """A real function with slopes between two numbers: ``_sector`` says which."""

    def claims(self) -> tuple[Claim, ...]:
        """And how far it stretches distances."""
        return (*super().claims(), *sector_claims(self, maps.POINTWISE_LIPSCHITZ, maps.POINTWISE_FIRM))


@dataclass(frozen=True, eq=False, repr=False)
class Exp(Pointwise):
    """x -> exp(x), real or complex: positive images without a constraint."""

    def _forward(self, x: Tensor) -> Tensor:
        return x.exp()

    def _slope(self, x: Tensor) -> Tensor:
        return x.exp()


@dataclass(frozen=True, eq=False, repr=False)
class Log(BoundedSlope):
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

    def _sector(self) -> tuple[Fraction, Fraction]:
        eps = Fraction(torch.finfo(self.space.dtype).eps)  # a slope is rounded once
        return Fraction(0), (1 + eps) / Fraction(self._lowest)

    @property
    def _lowest(self) -> float:
        """The floor as a number of the precision of the images, which is what they are compared with."""
        limits = torch.finfo(self.space.dtype)
        return float(torch.tensor(min(max(self.floor, limits.tiny), limits.max), dtype=self.space.dtype))


@dataclass(frozen=True, eq=False, repr=False)
class Softplus(BoundedSlope):
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

    def _sector(self) -> tuple[Fraction, Fraction]:
        return Fraction(0), Fraction(1)


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(BoundedSlope):
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

    def _sector(self) -> tuple[Fraction, Fraction]:
        return Fraction(0), (Fraction(self.high) - Fraction(self.low)) / 4


@dataclass(frozen=True, eq=False, repr=False)
class ReLU(BoundedSlope):
    """x -> max(x, 0) for real images; the slope at 0 is 0.

    Raises: ShapeError if the space is complex.
    """

    def __post_init__(self) -> None:
        _require_real(self.space, "ReLU")

    def _forward(self, x: Tensor) -> Tensor:
        return x.relu()

    def _slope(self, x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype)

    def _sector(self) -> tuple[Fraction, Fraction]:
        return Fraction(0), Fraction(1)


@dataclass(frozen=True, eq=False, repr=False)
class Shift(Pointwise, HasSector):
    """x -> x + offset, real or complex.

    offset: one number, or a tensor that broadcasts to the images; gradients reach it.

    Raises: ShapeError if the offset does not broadcast to an image, or is complex and the images are real.
    """

    offset: float | Tensor = 0.0

    def __post_init__(self) -> None:
        offset, shape = self.offset, self.space.shape
        if not isinstance(offset, Tensor):
            return
        got = tuple(offset.shape)
        fits = len(got) <= len(shape) and all(n in (1, m) for n, m in zip(got[::-1], shape[::-1], strict=False))
        if not fits or (offset.is_complex() and not self.space.is_complex):
            raise ShapeError(
                f"Shift: offset has shape {got} and dtype {offset.dtype}, expected one that broadcasts to "
                f"{self.space}. Leave out the batch axis."
            )
        object.__setattr__(self, "offset", offset.to(same_kind(self.space.dtype, offset.dtype)))

    def _forward(self, x: Tensor) -> Tensor:
        return x + self.offset

    def _slope(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)

    def _sector(self) -> tuple[Fraction, Fraction]:
        return Fraction(1), Fraction(1)


@dataclass(frozen=True, eq=False, repr=False)
class Square(Pointwise):
    """x -> x^2, real (nonnegative images) or complex; without |.|, so that it is complex differentiable."""

    def _forward(self, x: Tensor) -> Tensor:
        return x.square()

    def _slope(self, x: Tensor) -> Tensor:
        return 2 * x


def _is_one_number(setting: object) -> bool:
    return setting.numel() == 1 if isinstance(setting, Tensor) else isinstance(setting, float | complex | int)


def _require_real(space: Space, who: str) -> None:
    if space.is_complex:
        raise ShapeError(f"{who}: space is {space.dtype}, expected a real one. Compose with a real or magnitude part.")
