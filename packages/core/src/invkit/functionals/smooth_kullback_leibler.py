"""The Kullback-Leibler divergence of a positive background, continued by its parabola below zero: globally smooth.

Source: Chambolle, Ehrhardt, Richtarik, Schonlieb (2018), SIAM J. Optim. 28, the section on PET.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..errors import ConfigError
from ..operators.norm import Interval, rounded_up
from . import moduli
from .base import HasHessianDiagonal, Proximable, as_float, parameters_hold, sum_per_image, weight_for
from .conjugate import _scaled
from .kullback_leibler import KullbackLeibler, _counts_and_background, _positive_root


@dataclass(frozen=True, eq=False, repr=False)
class SmoothKullbackLeibler(HasHessianDiagonal, Proximable):
    """KL(y, x + background) where x >= 0, and its Taylor polynomial of second order at 0 where x < 0.

    y, background: as in ``KullbackLeibler``, with a background > 0 everywhere.
    gradient 1 - y/z for x >= 0, 1 - y/b + (y/b^2) x below; smooth with constant max y/b^2, attained for x <= 0.
    The same as ``KullbackLeibler`` wherever x >= 0, as with A >= 0 and images >= 0; finite where that is not.

    Raises: as ``KullbackLeibler``, and ConfigError if the background is not positive.
    """

    y: Tensor
    background: float | Tensor

    def __post_init__(self) -> None:
        lowest = self._divergence.background
        if isinstance(lowest, Tensor):
            object.__setattr__(self, "background", lowest)
            lowest = as_float(lowest.min()) if lowest.numel() else 1.0
        if not lowest > 0:
            raise ConfigError(
                f"SmoothKullbackLeibler: background is {lowest} somewhere, expected positive numbers. "
                "Use KullbackLeibler with a method that needs no smoothness (core/pdhg)."
            )

    @functools.cached_property  # it checks its data, which waits for the device
    def _divergence(self) -> KullbackLeibler:
        return KullbackLeibler(self.y, self.background)

    def _slope_and_bend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient at zero, and the curvature at zero and below."""
        y, background = _counts_and_background(self.y, self.background, x, "SmoothKullbackLeibler")
        ratio = y / background
        return 1 - ratio, ratio / background

    def _value(self, x: Tensor) -> Tensor:
        below = torch.where(x < 0, x, 0)
        slope, bend = self._slope_and_bend(x)
        parabola = below * (slope + 0.5 * bend * below)
        return self._divergence.value(_above(x)) + sum_per_image(parabola)

    def _gradient(self, x: Tensor) -> Tensor:
        return self._divergence.gradient(_above(x)) + self._slope_and_bend(x)[1] * torch.where(x < 0, x, 0)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return self._hessian_diagonal(x) * v

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        return self._divergence._hessian_diagonal(_above(x))

    def smoothness(self) -> Interval | None:
        if not parameters_hold(self):
            return None
        # In double, whatever the data are: an interval is rounded outwards by no more than that.
        y, given = self.y.double(), self.background
        background = given.double() if isinstance(given, Tensor) else given
        bend = y / background / background
        return Interval.exact(as_float(bend.max()) if self.y.numel() else 0.0, "largest y / background^2")

    def hessian_lipschitz(self) -> float | None:
        """max 2 y / background^3: the second derivatives are y/z^2 with z >= b, and constant below."""
        if not parameters_hold(self):
            return None
        if not self.y.numel():
            return 0.0
        background = torch.as_tensor(self.background).detach().to(self.y.device, torch.float64)
        bound = rounded_up(float((2 * self.y.double() / background / background / background).max()))
        return bound if bound < math.inf else None

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        slope, bend = self._slope_and_bend(v)
        moved = v - tau * slope  # its sign is that of the minimiser
        return torch.where(moved >= 0, self._divergence._prox(v, tau), moved / (1 + tau * bend))

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return SmoothKullbackLeiblerConjugate(self.y, self.background, weight)


@dataclass(frozen=True, eq=False, repr=False)
class SmoothKullbackLeiblerConjugate(Proximable):
    """The conjugate of c times ``SmoothKullbackLeibler``: with q = p/c and the slope s = 1 - y/b at zero,

    c (-y log(1 - q) - b q)                            s <= q < 1
    c ((q - s)^2 b^2 / (2 y) - b + y - y log(y/b))     q < s
    -c b where y = 0 and q = 1, +inf elsewhere.
    """

    y: Tensor
    background: float | Tensor
    weight: float | Tensor = 1.0
    derivations = (rules.CONJUGATE_CONVEX, rules.CONJUGATE_STRONGLY_CONVEX)

    def _value(self, p: Tensor) -> Tensor:
        y, given = _counts_and_background(self.y, self.background, p, "SmoothKullbackLeibler")
        background = given + torch.zeros_like(y)
        weight = self.weight + torch.zeros_like(y)
        weighted, counted = weight > 0, y > 0
        q = p / torch.where(weighted, weight, 1)
        slope, safe_y = 1 - y / background, torch.where(counted, y, 1)
        above = (q >= slope) & (q < 1) & counted
        logarithmic = -y * torch.log1p(-torch.where(above, q, 0)) - background * q
        far = torch.where(above, 0, q - slope) * background
        quadratic = far.square() / (2 * safe_y) - background + y - y * (safe_y / background).log()
        finite = torch.where(above, logarithmic, quadratic)
        counts = torch.where(counted, torch.where(q < 1, finite, math.inf), torch.where(q == 1, -background, math.inf))
        nothing = torch.where(p == 0, 0.0, math.inf).to(p)
        # Not weight * counts where either is infinite: 0 times infinity would be NaN.
        values = torch.where(counts == math.inf, math.inf, weight * torch.where(counts == math.inf, 0, counts))
        return sum_per_image(torch.where(weighted, values, nothing))

    def convexity(self) -> float | None:
        if not parameters_hold(self):
            return None
        smooth = SmoothKullbackLeibler(self.y, self.background).smoothness()
        return None if smooth is None else moduli.of_conjugate(smooth.upper, as_float(self.weight))

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        y, background = _counts_and_background(self.y, self.background, v, "SmoothKullbackLeibler")
        ratio, weight = y / background, weight_for(self.weight, v)
        bend = ratio / background
        logarithmic = weight - _positive_root(weight - v - tau * background, tau * weight, y)
        scale = tau + weight * bend
        curved = scale > 0  # else the domain is one point
        share = torch.where(curved, v * bend + tau * (1 - ratio), 1) / torch.where(curved, scale, 1)
        quadratic = weight * share
        return torch.where(v >= weight * (1 - ratio), logarithmic, quadratic)

    @property
    def conjugate(self) -> Proximable:
        return _scaled(self.weight, SmoothKullbackLeibler(self.y, self.background))


def _above(x: Tensor) -> Tensor:
    """max(x, 0), with slope 1 at zero, where ``below`` has none."""
    return torch.where(x < 0, 0, x)
