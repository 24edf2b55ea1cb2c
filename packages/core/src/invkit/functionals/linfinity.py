"""The largest magnitude, and the ball of the sum of magnitudes that is its dual."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations.symmetry import Action, keeps_groups
from .base import Proximable, as_float, check_weight, weight_for
from .indicators import Indicator
from .simplex import check_groups, from_rows, in_rows, per_row, project_onto_simplex


@dataclass(frozen=True, eq=False, repr=False)
class LInfinity(Proximable):
    """Sum over groups p of max_{i in p} |x_i|, complex numbers by magnitude.

    axes: the axes of a group, without the batch axis; None takes the whole image: |x|_inf.
    prox: v - (projection of each group onto the ball of |.|_1 with radius tau).   conjugate: the indicator of that ball
        with radius 1.

    Raises: ConfigError if axes are negative or none.
    """

    axes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_groups(self.axes, "LInfinity")

    def _value(self, x: Tensor) -> Tensor:
        return in_rows(x.abs(), self.axes).amax(-1).sum(1)

    def convexity(self) -> float:
        return 0.0

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v - project_onto_l1_ball(v, self.axes, tau)

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return L1Ball(weight, self.axes)

    def __repr__(self) -> str:
        return f"LInfinity(axes={self.axes})"


@dataclass(frozen=True, eq=False, repr=False)
class L1Ball(Indicator):
    """The indicator of sum_{i in p} |x_i| <= radius for every group p; groups as in ``LInfinity``.

    prox: soft thresholding by the level that gives the right sum, where the sum is too large; one sort of each group.

    Raises: ConfigError if the radius is not a finite number >= 0, or axes are negative or none.
    Source: Duchi, Shalev-Shwartz, Singer, Chandra (2008), Figure 1.
    """

    radius: float | Tensor = 1.0
    axes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_weight(self.radius, "L1Ball (radius)")
        check_groups(self.axes, "L1Ball")

    def _value(self, x: Tensor) -> Tensor:
        sizes = in_rows(x.abs(), self.axes).double()
        # A projected point may lie outside by its rounding.
        radius = weight_for(self.radius, sizes)
        slack = (16 * torch.finfo(x.dtype).eps + sizes.shape[-1] * torch.finfo(torch.float64).eps) * radius
        inside = (sizes.sum(-1) <= radius + slack).all(1)
        return torch.zeros(len(x), dtype=x.real.dtype, device=x.device).masked_fill(~inside, math.inf)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return project_onto_l1_ball(v, self.axes, self.radius)

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes)

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled

        return _scaled(self.radius, LInfinity(self.axes))

    def __repr__(self) -> str:
        return f"L1Ball({as_float(self.radius):g}, axes={self.axes})"


def project_onto_l1_ball(v: Tensor, axes: tuple[int, ...] | None, radius: float | Tensor) -> Tensor:
    """The nearest x with sum |x_i| <= radius in every group; what is inside does not move, to the last bit."""
    rows = in_rows(v, axes)
    sizes = rows.abs()
    radius = per_row(radius)
    shrunk = project_onto_simplex(sizes, radius) / torch.where(sizes > 0, sizes, 1)
    inside = sizes.double().sum(-1, keepdim=True) <= radius
    return from_rows(torch.where(inside, rows, rows * shrunk), v, axes)
