"""Activations whose slopes lie in [0, L]: increasing and L-Lipschitz, the gradients of smooth convex functions.

Functions that fall somewhere, such as GELU, SiLU and Mish, are none of these: minus their flow spreads images apart.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import ConfigError, DataError, ShapeError
from ..moving import Movable, tensors_of


@dataclass(frozen=True)
class Activation(Movable, abc.ABC):
    """sigma, number by number, with 0 <= sigma' <= L wherever there is a derivative.

    A class outside the core states so in its own body, ``basis: ClassVar[Basis] = BY_CONSTRUCTION``; a few thousand of
    its slopes are looked at all the same.
    """

    @property
    @abc.abstractmethod
    def largest_slope(self) -> float:
        """L, an upper bound of every slope."""

    @abc.abstractmethod
    def value(self, z: Tensor) -> Tensor:
        """sigma(z), the shape of z."""

    @abc.abstractmethod
    def slope(self, z: Tensor) -> Tensor:
        """sigma'(z), the shape of z; at a kink one of the slopes beside it."""


@dataclass(frozen=True)
class ReLU(Activation):
    """max(z, 0); slope 0 at 0, as torch has it."""

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return torch.relu(z)

    def slope(self, z: Tensor) -> Tensor:
        return (z > 0).to(z.dtype)


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """z where z > 0, negative_slope * z elsewhere.

    Raises: ConfigError if the slope is not in [0, 1]; with a negative one the function would not be increasing.
    """

    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.negative_slope <= 1:
            raise ConfigError(
                f"LeakyReLU: negative_slope is {self.negative_slope}, expected a number in [0, 1], so that the slopes "
                "are nonnegative and the largest is 1. Use 0.01."
            )

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return torch.where(z > 0, z, self.negative_slope * z)

    def slope(self, z: Tensor) -> Tensor:
        return torch.where(z > 0, 1.0, self.negative_slope).to(z.dtype)


@dataclass(frozen=True)
class Softplus(Activation):
    """log(1 + exp(sharpness z)) / sharpness, with slopes in (0, 1).

    Raises: ConfigError if the sharpness is not positive and finite.
    """

    sharpness: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.sharpness < math.inf:
            raise ConfigError(f"Softplus: sharpness is {self.sharpness}, expected a positive number. Use 1.0.")

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        scaled = self.sharpness * z
        return torch.logaddexp(scaled, torch.zeros_like(scaled)) / self.sharpness

    def slope(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.sharpness * z)


@dataclass(frozen=True)
class Tanh(Activation):
    """tanh(z), with slopes in (0, 1]."""

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return torch.tanh(z)

    def slope(self, z: Tensor) -> Tensor:
        return 1 - torch.tanh(z).square()


@dataclass(frozen=True)
class Linear(Activation):
    """z itself."""

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return z.clone()

    def slope(self, z: Tensor) -> Tensor:
        return torch.ones_like(z)


#: Names for configurations.
ACTIVATIONS: dict[str, Activation] = {
    "relu": ReLU(),
    "leaky-relu": LeakyReLU(),
    "softplus": Softplus(),
    "tanh": Tanh(),
    "identity": Linear(),
}

#: What is often asked for, and its least slope.
_FALLING: dict[str, float] = {"gelu": -0.129, "silu": -0.0998, "swish": -0.0998, "mish": -0.1131}


def slopes_hold(activation: Activation) -> bool:
    """Whether an activation could still be built from what it holds: a slope may have been learned since."""
    if not any(True for _ in tensors_of(activation)):
        return True
    try:
        activation_named(replace(activation), type(activation).__name__)
    except (ConfigError, DataError, ShapeError):
        return False
    return True


def activation_named(activation: str | Activation, who: str) -> Activation:
    """The activation of that name, or the activation itself.

    Raises: ConfigError if there is none of that name, or a slope is found outside [0, L].
    """
    if isinstance(activation, str):
        name = activation.lower()
        if name in _FALLING:
            raise ConfigError(
                f"{who}: activation is {activation!r}, expected an increasing function. Its slope falls to "
                f"{_FALLING[name]}, so that nothing keeps two images from moving apart. Use 'relu' or 'softplus'."
            )
        if name not in ACTIVATIONS:
            raise ConfigError(
                f"{who}: activation is {activation!r}, expected one of {', '.join(ACTIVATIONS)}. Choose one."
            )
        return ACTIVATIONS[name]
    if not isinstance(activation, Activation):
        raise ConfigError(
            f"{who}: activation is a {type(activation).__name__}, expected an Activation or a name. "
            "A function alone says nothing of its slopes: derive from invkit.operators.Activation."
        )
    if not type(activation).__module__.startswith("invkit."):
        _check_slopes(activation, who)
    return activation


def _check_slopes(activation: Activation, who: str) -> None:
    """Raises: ConfigError if a slope between two of a few thousand points is outside [0, L]: that refutes the bound."""
    largest = activation.largest_slope
    if not 0 <= largest < math.inf:
        raise ConfigError(
            f"{who}: largest_slope of {type(activation).__name__} is {largest}, expected a finite number >= 0. "
            "Give the Lipschitz constant."
        )
    points = torch.cat([torch.linspace(-8, 8, 4097), torch.linspace(-100, 100, 2001)]).double().sort().values.unique()
    values = activation.value(points)
    rise = (values[1:] - values[:-1]) / (points[1:] - points[:-1])
    slopes = torch.cat([rise, activation.slope(points)])
    slack = 1e-9 * max(1.0, largest)
    low, high = float(slopes.min()), float(slopes.max())
    if not (low >= -slack and high <= largest + slack):
        raise ConfigError(
            f"{who}: activation {type(activation).__name__} has slopes from {low:.6g} to {high:.6g}, expected them in "
            f"[0, {largest:g}]. An increasing one with that Lipschitz constant is needed: use 'relu' or 'softplus'."
        )
