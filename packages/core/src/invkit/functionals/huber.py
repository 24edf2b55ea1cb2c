"""The Huber function of group lengths."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..operators.norm import Interval
from .base import as_float, parameters_hold, weight_for
from .indicators import check_axes
from .radial import RadialNorm, check_positive


@dataclass(frozen=True, eq=False, repr=False)
class Huber(RadialNorm):
    """sum_p rho(|x_p|), rho(t) = t^2 / (2 delta) for t <= delta, t - delta / 2 beyond: slope 1 far away.

    This is the Moreau envelope of ``GroupL1`` with parameter delta. Statistics often has delta times it, with slope
    delta far away: that is ``delta * Huber(delta)``.

    delta: a positive number, or a 0-d tensor that is learned.   axes: as in ``GroupL1``.
    prox: factor delta / (delta + tau) for |v_p| <= delta + tau, 1 - tau / |v_p| beyond.
    conjugate: (delta / 2) |z|^2 where every |z_p| <= 1.   smoothness 1 / delta, attained at 0.
    hessian_vector: the Hessian where there is one; at |x_p| = delta, where there is none, that of the inner side.

    Raises: ConfigError if delta is not positive or an axis is negative.
    Source: Huber (1964); Beck (2017), Example 6.54.
    """

    delta: float | Tensor
    axes: tuple[int, ...] = ()
    derivations = (rules.ENVELOPE_CONVEX, rules.ENVELOPE_SMOOTH)

    def __post_init__(self) -> None:
        check_positive(self.delta, "Huber", "delta")
        check_axes(self.axes, "Huber")

    def _rho(self, squares: Tensor, t: Tensor) -> Tensor:
        small = t <= self.delta
        return torch.where(small, torch.where(small, squares, 0) / (2 * self.delta), t - self.delta / 2)

    def _curvatures(self, t: Tensor) -> tuple[Tensor, Tensor]:
        small = t <= self.delta
        across = 1 / torch.where(small, self.delta, t)
        return across, torch.where(small, across, 0)

    def _shrinkage(self, t: Tensor, tau: float | Tensor) -> Tensor:
        delta = weight_for(self.delta, t)
        limit = delta + tau
        small = t <= limit
        return torch.where(small, delta / limit, (t - tau) / torch.where(small, 1, t))

    def _rho_conjugate(self, s: Tensor) -> Tensor:
        return 0.5 * self.delta * s.square()

    def smoothness(self) -> Interval | None:
        return Interval.exact(1 / as_float(self.delta)) if parameters_hold(self) else None

    def __repr__(self) -> str:
        return f"Huber({as_float(self.delta):g}, axes={self.axes})"
