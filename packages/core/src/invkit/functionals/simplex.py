"""The simplex, of all pixels of an image or of the channels of each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..derivations.symmetry import Action, keeps_groups
from ..errors import ConfigError, ShapeError
from .base import Proximable, as_float, check_weight, parameters_hold, weight_for
from .indicators import Indicator, behind_batch, check_axes


@dataclass(frozen=True, eq=False, repr=False)
class Simplex(Indicator):
    """The indicator of x >= 0, sum x = total in every group, for real images.

    axes: the axes of a group, without the batch axis; ``(0,)`` makes the channels of a pixel probabilities, None
        takes the whole image.
    prox: max(v - level, 0) with the level that gives the right sum; one sort of each group.
    conjugate: total times the sum over groups of the largest value.

    Raises: ConfigError if the total is not a finite number >= 0, or axes are negative or none.
    Source: Held, Wolfe, Crowder (1974); Condat (2016), Algorithm 1.
    """

    total: float | Tensor = 1.0
    axes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_weight(self.total, "Simplex (total)")
        check_groups(self.axes, "Simplex")

    def _value(self, x: Tensor) -> Tensor:
        groups = in_rows(_real(x, "Simplex"), self.axes).double()
        n = groups.shape[-1]
        # A projected point misses the sum by its rounding.
        slack = (64 * torch.finfo(x.dtype).eps + n * torch.finfo(torch.float64).eps) * self.total
        inside = (groups >= 0).all(-1) & ((groups.sum(-1) - self.total).abs() <= slack)
        return x.new_zeros(len(x)).masked_fill(~inside.all(1), math.inf)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        projected = project_onto_simplex(in_rows(_real(v, "Simplex"), self.axes), self.total)
        return from_rows(projected, v, self.axes)

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes, even=False)

    @property
    def conjugate(self) -> Proximable:
        return SimplexSupport(self.total, self.axes)

    def __repr__(self) -> str:
        return f"Simplex({as_float(self.total):g}, axes={self.axes})"


@dataclass(frozen=True, eq=False, repr=False)
class SimplexSupport(Proximable):
    """The conjugate of a simplex: z -> total sum_p max z_p.

    prox(v, sigma) = v - (the projection of v onto the simplex of total sigma total).
    """

    total: float | Tensor = 1.0
    axes: tuple[int, ...] | None = None

    def _value(self, z: Tensor) -> Tensor:
        return self.total * in_rows(_real(z, "SimplexSupport"), self.axes).amax(-1).sum(1)

    derivations = (rules.CONJUGATE_CONVEX,)

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes, even=False)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        rows = in_rows(_real(v, "SimplexSupport"), self.axes)
        return v - from_rows(project_onto_simplex(rows, per_row(tau * weight_for(self.total, v))), v, self.axes)

    @property
    def conjugate(self) -> Proximable:
        return Simplex(self.total, self.axes)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return Simplex(weight * self.total, self.axes)


def project_onto_simplex(v: Tensor, total: float | Tensor) -> Tensor:
    """The nearest x >= 0 with sum ``total`` along the last axis: max(v - level, 0).

    level = max_k (v_(1) + ... + v_(k) - total) / k over the sorted v: the maximum is attained at the number of positive
    entries. Values count from the largest one and in float64, so that the sum is right to the rounding of ``total``
    however large v is.
    """
    wide = v.double()
    wide = wide - wide.detach().amax(-1, keepdim=True)
    counts = torch.arange(1, v.shape[-1] + 1, dtype=wide.dtype, device=v.device)
    sums = wide.sort(dim=-1, descending=True).values.cumsum(-1)
    level = ((sums - total) / counts).amax(-1, keepdim=True)
    return (wide - level).clamp_min(0).to(v.dtype)


def in_rows(x: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    """The groups as rows: shape (batch, groups, size of a group); None is one group."""
    if axes is None:
        return x.flatten(1).unsqueeze(1)
    return _groups_last(x, axes).flatten(-len(axes)).unsqueeze(1).flatten(1, -2)


def from_rows(rows: Tensor, like: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    """The inverse of ``in_rows`` for an image shaped ``like``."""
    if axes is None:
        return rows.reshape(like.shape)
    last = range(-len(axes), 0)
    return rows.reshape(_groups_last(like, axes).shape).movedim(tuple(last), tuple(a + 1 for a in axes))


def per_row(value: float | Tensor) -> float | Tensor:
    """A number, or one per image with the axes of an image, with the axes of rows."""
    return value.reshape(-1, 1, 1) if isinstance(value, Tensor) and value.ndim > 0 else value


def check_groups(axes: tuple[int, ...] | None, who: str) -> None:
    """Raises: ConfigError if axes are negative, repeated, or none at all."""
    if axes is None:
        return
    check_axes(axes, who)
    if not axes:
        raise ConfigError(f"{who}: axes are {axes}, expected at least one, each once. Use None for the whole image.")


def _groups_last(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x.movedim(behind_batch(axes, x), tuple(range(-len(axes), 0)))


def _real(x: Tensor, who: str) -> Tensor:
    if x.is_complex():
        raise ShapeError(
            f"{who}: image is {x.dtype}, expected a real one. Constrain its magnitude or real part instead."
        )
    return x
