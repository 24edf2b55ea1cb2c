"""Norms and their squares: 0.5 |x - c|^2, |x|_1, |x|_2 and sums of Euclidean norms over groups."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..derivations.symmetry import Action, keeps_groups
from ..operators.norm import Interval
from ..operators.space import norm, real_dtype, squared_magnitude
from . import moduli
from .base import Differentiable, HasHessianDiagonal, Proximable, as_float, fitted, sum_per_image, weight_for
from .indicators import Ball, check_axes, group_norm, project_onto_ball


@dataclass(frozen=True, eq=False, repr=False)
class SquaredL2(HasHessianDiagonal, Proximable):
    """0.5 |x - centre|_2^2; centre None is zero.

    gradient x - centre, prox (v + tau centre) / (1 + tau), conjugate 0.5 |z|^2 + Re <centre, z>.
    """

    centre: Tensor | None = None

    def _value(self, x: Tensor) -> Tensor:
        return 0.5 * sum_per_image(squared_magnitude(x if self.centre is None else x - self._centre(x)))

    def _gradient(self, x: Tensor) -> Tensor:
        return x.clone() if self.centre is None else x - self._centre(x)

    def _centre(self, x: Tensor) -> Tensor:
        assert self.centre is not None
        return fitted(self.centre, x, "SquaredL2", "centre")

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return v.clone()

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        return torch.ones_like(x.real)

    def smoothness(self) -> Interval:
        return Interval.exact(1.0)

    def hessian_lipschitz(self) -> float:
        return 0.0

    def convexity(self) -> float:
        return 1.0

    def is_invariant(self, action: Action) -> bool:
        return self.centre is None and keeps_groups(action, None)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return (v if self.centre is None else v + tau * self._centre(v)) / (1 + tau)

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return QuadraticConjugate(weight, self.centre)


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticConjugate(Differentiable, Proximable):
    """The conjugate of (c/2) |x - centre|^2: z -> |z|^2 / (2c) + Re <centre, z>.

    prox(v, sigma) = c (v - sigma centre) / (c + sigma), which is 0 for c = 0 as it should be.
    """

    weight: float | Tensor
    centre: Tensor | None = None
    derivations = (rules.CONJUGATE_CONVEX, rules.CONJUGATE_STRONGLY_CONVEX, rules.CONJUGATE_SMOOTH)

    def _value(self, z: Tensor) -> Tensor:
        quadratic = 0.5 * self._divided(sum_per_image(squared_magnitude(z)), (z == 0).flatten(1).all(1))
        if self.centre is None:
            return quadratic
        return quadratic + sum_per_image((z * self._centre(z).conj()).real)

    def _gradient(self, z: Tensor) -> Tensor:
        return self._divided(z, z == 0) if self.centre is None else self._divided(z, z == 0) + self._centre(z)

    def _hessian_vector(self, z: Tensor, v: Tensor) -> Tensor:
        return self._divided(v, v == 0)

    def _divided(self, z: Tensor, vanishes: Tensor) -> Tensor:
        """z / c; for c = 0 it is 0 where z vanishes and +inf elsewhere."""
        if not isinstance(self.weight, Tensor) and self.weight > 0:
            return z / self.weight
        weight = self.weight if isinstance(self.weight, Tensor) else z.real.new_full((), self.weight)
        positive = weight > 0
        return torch.where(positive | vanishes, z / torch.where(positive, weight, 1), torch.inf)

    def _centre(self, z: Tensor) -> Tensor:
        assert self.centre is not None
        return fitted(self.centre, z, "QuadraticConjugate", "centre")

    def smoothness(self) -> Interval | None:
        weight = as_float(self.weight)
        return Interval.exact(1 / weight) if weight > 1 / sys.float_info.max else None

    def hessian_lipschitz(self) -> float | None:
        return 0.0 if as_float(self.weight) > 0 else None

    def convexity(self) -> float | None:
        return moduli.of_conjugate(1.0, as_float(self.weight))

    def is_invariant(self, action: Action) -> bool:
        return self.centre is None and keeps_groups(action, None)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        weight = weight_for(self.weight, v)
        total = weight + tau
        factor = weight / (torch.where(total > 0, total, 1) if isinstance(total, Tensor) else total or 1.0)
        return v * factor if self.centre is None else (v - tau * self._centre(v)) * factor

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled

        return _scaled(self.weight, SquaredL2(self.centre))


@dataclass(frozen=True, eq=False, repr=False)
class GroupL1(Proximable):
    """Sum over groups of the Euclidean norm along ``axes``: sum_p (sum_{i in axes} |x_{p,i}|^2)^(1/2).

    axes: axes of the tensor without the batch axis, e.g. ``(1,)`` for the components of a gradient field
        (channel, d, *spatial); ``()`` gives |x|_1. Complex numbers count with their magnitude, so that the real and
        imaginary parts shrink together.
    prox: v - (projection of v onto the ball of radius tau), group by group.   conjugate: the indicator of that ball
        with radius 1.

    Raises: ConfigError if an axis is negative: counted from the end it could reach the batch.
    """

    axes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_axes(self.axes, "GroupL1")

    def _value(self, x: Tensor) -> Tensor:
        return sum_per_image(group_norm(x, self.axes))

    def convexity(self) -> float:
        return 0.0

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v - project_onto_ball(v, self.axes, tau)

    @property
    def conjugate(self) -> Proximable:
        return Ball(1.0, self.axes)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return Ball(weight, self.axes)

    def __repr__(self) -> str:
        return f"GroupL1(axes={self.axes})" if self.axes else "L1()"


def L1() -> GroupL1:
    """|x|_1 = sum |x_i|, complex numbers by magnitude; prox is soft thresholding."""
    return GroupL1(())


@dataclass(frozen=True, eq=False, repr=False)
class L2(Proximable):
    """|x|_2 of the whole image (not squared); prox shrinks its length by tau."""

    def _value(self, x: Tensor) -> Tensor:
        return norm(x).to(real_dtype(x.dtype))

    def convexity(self) -> float:
        return 0.0

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, None)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v - project_onto_ball(v, tuple(range(v.ndim - 1)), tau)

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return Ball(weight, None)
