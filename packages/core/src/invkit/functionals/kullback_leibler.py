"""The Kullback-Leibler divergence, the negative log-likelihood of Poisson counts, with its conjugate.

Source: Csiszar (1991), Ann. Statist. 19, for the divergence of nonnegative numbers that need not sum to one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..errors import ConfigError, DataError, ShapeError
from ..operators.space import check_tensor
from .base import HasHessianDiagonal, Proximable, as_float, fitted, parameters_hold, sum_per_image, weight_for
from .conjugate import _scaled
from .indicators import _require_real


@dataclass(frozen=True, eq=False, repr=False)
class KullbackLeibler(HasHessianDiagonal, Proximable):
    """x -> sum_i z_i - y_i + y_i log(y_i / z_i), z = x + background, 0 log 0 = 0; +inf where z < 0, or z = 0 < y.

    y: counts >= 0, a batch of real images.   background: the counts expected without a source, >= 0, a number or a
        tensor that broadcasts to y; gradients reach both.
    gradient 1 - y/z, which is 1 where y = 0 and -inf where z <= 0 < y: start where z > 0. No Lipschitz constant:
        the curvature y/z^2 is unbounded as z falls to 0, whatever the background.
    prox: z is the positive root of z^2 - (v + background - tau) z - tau y = 0.

    Raises: ShapeError if y is complex; DataError if y is negative or not finite; ConfigError if the background is.
    """

    y: Tensor
    background: float | Tensor = 0.0

    def __post_init__(self) -> None:
        check_tensor(self.y, "KullbackLeibler", "y")
        if not self.y.is_floating_point():
            raise ShapeError(f"KullbackLeibler: y has dtype {self.y.dtype}, expected a real floating type. Convert it.")
        bad = ~(torch.isfinite(self.y.detach()) & (self.y.detach() >= 0))
        if bool(bad.any()):
            raise DataError(
                f"KullbackLeibler: y has {int(bad.sum())} values that are negative, NaN or inf, expected counts >= 0. "
                "Clip or mask them; differences of counts are not counts."
            )
        if isinstance(self.background, Tensor):
            object.__setattr__(self, "background", self.background.to(self.y))
        lowest, largest = _extremes(self.background)
        if not (lowest >= 0 and largest < math.inf):
            raise ConfigError(
                f"KullbackLeibler: background is between {lowest} and {largest}, expected finite numbers >= 0. "
                "Pass the counts that are expected without a source."
            )

    def _value(self, x: Tensor) -> Tensor:
        y, background = self._data(x)
        z = x + background
        counted, inside = y > 0, z > 0
        # Numbers that stand in where a branch is not taken, so that no derivative of it is infinite.
        safe_y, safe_z = torch.where(counted, y, 1), torch.where(inside, z, 1)
        difference = z - y
        near = difference.abs() <= 0.5 * y  # where the two logarithms would cancel
        small = torch.where(near & counted, difference, 0) / safe_y
        logarithm = torch.where(near, torch.log1p(small), safe_z.log() - safe_y.log())
        terms = torch.where(counted, difference - y * logarithm, difference)
        outside = (z < 0) | (counted & ~inside)
        return sum_per_image(torch.where(outside, math.inf, terms))

    def _data(self, x: Tensor) -> tuple[Tensor, float | Tensor]:
        _require_real(x, "KullbackLeibler")
        return _counts_and_background(self.y, self.background, x)

    def _gradient(self, x: Tensor) -> Tensor:
        return 1 - self._ratio(x)

    def _ratio(self, x: Tensor) -> Tensor:
        """y/z, its limit 0 where y is, and +inf where z <= 0 < y."""
        y, background = self._data(x)
        z = x + background
        quotient = y / torch.where(z > 0, z, 1)
        return torch.where(z > 0, quotient, torch.where(y > 0, math.inf, 0.0).to(quotient))

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.where(v == 0, 0.0 * v, self._curvature(x) * v)  # infinity times zero would be NaN

    def _curvature(self, x: Tensor) -> Tensor:
        z = x + self._data(x)[1]
        return self._ratio(x) / torch.where(z > 0, z, 1)

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        return self._curvature(x)

    def smoothness(self) -> None:
        return None

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        y, background = self._data(v)
        x = _positive_root(v + background - tau, tau, y) - background
        # A z far below the background is lost in x = z - background; where there are counts z has to stay positive.
        lowest = -(1 - torch.finfo(x.dtype).eps) * background + torch.zeros_like(x)
        return torch.where((y > 0) & (x < lowest), lowest, x)

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return KullbackLeiblerConjugate(self.y, self.background, weight)


@dataclass(frozen=True, eq=False, repr=False)
class KullbackLeiblerConjugate(Proximable):
    """The conjugate of c KL(y, . + background): p -> sum_i -c y_i log(1 - p_i / c) - background_i p_i.

    +inf where p > c, or p = c where y > 0.   prox: e = c - p is the positive root of
    e^2 - (c - v - sigma background) e - sigma c y = 0.
    """

    y: Tensor
    background: float | Tensor = 0.0
    weight: float | Tensor = 1.0

    def _value(self, p: Tensor) -> Tensor:
        _require_real(p, "KullbackLeiblerConjugate")
        y, background = _counts_and_background(self.y, self.background, p)
        counts = self.weight * y
        weight = self.weight + torch.zeros_like(counts)
        counted, inside = counts > 0, p < weight
        fraction = torch.where(inside & counted, p, 0) / torch.where(counted, weight, 1)
        terms = torch.where(counted, -counts * torch.log1p(-fraction), 0) - background * p
        outside = torch.where(counted, ~inside, p > weight)
        return sum_per_image(torch.where(outside, math.inf, terms))

    derivations = (rules.CONJUGATE_CONVEX,)

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _require_real(v, "KullbackLeiblerConjugate")
        y, background = _counts_and_background(self.y, self.background, v)
        weight = weight_for(self.weight, v)
        return weight - _positive_root(weight - v - tau * background, tau * weight, y)

    @property
    def conjugate(self) -> Proximable:
        return _scaled(self.weight, KullbackLeibler(self.y, self.background))


def _counts_and_background(
    y: Tensor, background: float | Tensor, x: Tensor, who: str = "KullbackLeibler"
) -> tuple[Tensor, float | Tensor]:
    """Both as the images x need them."""
    if isinstance(background, Tensor):
        background = fitted(background, x, who, "background")
    return fitted(y, x, who, "y"), background


def _extremes(background: float | Tensor) -> tuple[float, float]:
    if not isinstance(background, Tensor) or not background.numel():
        return (0.0, 0.0) if isinstance(background, Tensor) else (background, background)
    return as_float(background.min()), as_float(background.max())


def _positive_root(q: Tensor, tau: float | Tensor, y: Tensor) -> Tensor:
    """t >= 0 with t^2 - q t - tau y = 0; max(q, 0) where tau y = 0.

    Of the two ways to write a root the one that does not cancel; scaled, so that no square overflows.
    """
    tau = tau if isinstance(tau, Tensor) else q.new_full((), tau)
    tau = tau.to(q)
    size = torch.maximum(q.detach().abs(), 2 * (tau.detach().sqrt() * y.detach().sqrt()))
    positive = size > 0
    size = torch.where(positive, size, 1)
    discriminant = (q / size).square() + 4 * (tau / size) * (y / size)
    root = torch.where(positive, size * torch.where(positive, discriminant, 1).sqrt(), 0)
    falling = q < 0
    return torch.where(falling, 2 * y * (tau / torch.where(falling, root - q, 1)), (q + root) / 2)
