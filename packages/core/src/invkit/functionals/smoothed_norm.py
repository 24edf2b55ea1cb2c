"""The twice differentiable substitute of a group norm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..operators.norm import Interval, rounded_up
from .base import as_float, parameters_hold, weight_for
from .indicators import check_axes
from .radial import RadialNorm, check_positive


@dataclass(frozen=True, eq=False, repr=False)
class SmoothedNorm(RadialNorm):
    """sum_p rho(|x_p|), rho(t) = t^2 / gamma - t^3 / (3 gamma^2) for t <= gamma, t - gamma / 3 beyond.

    gamma: a positive number, or a 0-d tensor that is learned.   axes: as in ``GroupL1``.
    curvature: rho'(t) / t = (2 - t / gamma) / gamma and rho''(t) = 2 (1 - t / gamma) / gamma for t <= gamma, 1 / t and
        0 beyond. Both fall from 2 / gamma at 0, and the eigenvalues of the Hessian are among them: the gradient is
        Lipschitz with constant 2 / gamma exactly, attained at 0.
    prox: with a = gamma / (gamma + tau), b = tau / (gamma + tau) and h = |v_p| / (gamma + tau), the factor
        2 a / (a + 2 b + (a^2 + 4 b (1 - h))^(1/2)) for h <= 1, 1 - tau / |v_p| beyond. It is the smaller root of
        tau (r / gamma)^2 - (gamma + 2 tau) r / gamma + |v_p| = 0, which is r + tau rho'(r) = |v_p| for r <= gamma;
        in these units nothing cancels or overflows, however long or short the step is.
    conjugate: with w = (1 - s)^(1/2), rho*(s) = gamma s^2 (1 + 2 w) / (3 (1 + w)^2) for s <= 1.

    Raises: ConfigError if gamma is not positive or an axis is negative.
    Source: dissertation, section 1.2.1; its prox in Appendix 1.C.1.
    """

    gamma: float | Tensor
    axes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_positive(self.gamma, "SmoothedNorm", "gamma")
        check_axes(self.axes, "SmoothedNorm")

    def _rho(self, squares: Tensor, t: Tensor) -> Tensor:
        small = t <= self.gamma
        # What is far away enters the inner formula as 0, so that nothing overflows there.
        inner = torch.where(small, squares, 0) / self.gamma * (1 - torch.where(small, t, 0) / (3 * self.gamma))
        return torch.where(small, inner, t - self.gamma / 3)

    def _curvatures(self, t: Tensor) -> tuple[Tensor, Tensor]:
        small = t <= self.gamma
        s = torch.where(small, t, 0) / self.gamma
        across = torch.where(small, (2 - s) / self.gamma, 1 / torch.where(small, 1, t))
        return across, torch.where(small, 2 * (1 - s) / self.gamma, 0)

    def _shrinkage(self, t: Tensor, tau: float | Tensor) -> Tensor:
        gamma = weight_for(self.gamma, t)
        limit = gamma + tau
        small = t <= limit
        a, b = gamma / limit, tau / limit
        left = torch.where(small, limit - t, 0) / limit
        inner = 2 * a / (a + 2 * b + (a**2 + 4 * b * left).sqrt())
        return torch.where(small, inner, (t - tau) / torch.where(small, 1, t))

    def _rho_conjugate(self, s: Tensor) -> Tensor:
        inner = s < 1
        w = torch.where(inner, (1 - torch.where(inner, s, 0)).sqrt(), 0)  # the root has no derivative at 0
        return self.gamma * s.square() * (1 + 2 * w) / (3 * (1 + w).square())

    def smoothness(self) -> Interval | None:
        return Interval.exact(2 / as_float(self.gamma)) if parameters_hold(self) else None

    def hessian_lipschitz(self) -> float | None:
        """2 / gamma^2, attained along x near 0.

        With x = t u, phi = rho' / t, R the third derivative of rho, and c^2 + s^2 = 1, that of f along c u + s w, w
        across u, is R c^3 + 3 phi' c s^2: of size c (3 - c^2) / gamma^2 for t < gamma and 3 c s^2 / t^2 beyond, at most
        2 / gamma^2. The third derivative is symmetric, so that this is its norm (Banach 1938).
        """
        if not parameters_hold(self):
            return None
        gamma = as_float(self.gamma)
        bound = rounded_up(2 / gamma / gamma)
        return bound if bound < math.inf else None

    def __repr__(self) -> str:
        return f"SmoothedNorm({as_float(self.gamma):g}, axes={self.axes})"
