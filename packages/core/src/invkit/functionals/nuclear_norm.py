"""The nuclear norm of a small matrix at every pixel, and its dual, the ball of the spectral norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..errors import ConfigError
from .base import Proximable, as_float, check_weight
from .indicators import check_axes
from .simplex import per_row


@dataclass(frozen=True, eq=False, repr=False)
class NuclearNorm(Proximable):
    """sum_p |M_p|_*, the sum of the singular values of the matrix that two axes form at each place p of the others.

    axes: the rows and the columns of the matrices, without the batch axis; (0, 1) takes the channels and the
        directions of a gradient field (channel, d, *spatial): with a gradient this is total nuclear variation, which
        lets the channels share their edges.
    prox: singular values shrink by tau.   conjugate: the indicator of |M_p|_2 <= 1, every singular value at most 1.
    The prox has first derivatives in every argument, also where singular values coincide, and no second ones.

    Raises: ConfigError if the axes are not two different numbers >= 0.
    Source: Holt (2014); Cai, Candes, Shen (2010), Theorem 2.1.
    """

    axes: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        _check_matrix_axes(self.axes, "NuclearNorm")

    def _value(self, x: Tensor) -> Tensor:
        values = torch.linalg.svdvals(_matrices(x, self.axes))
        return torch.where(values > 0, values, 0).flatten(1).sum(1)  # the subgradient at zero is 0

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v - project_onto_spectral_ball(v, self.axes, tau)

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return SpectralBall(weight, self.axes)

    def __repr__(self) -> str:
        return f"NuclearNorm(axes={self.axes})"


@dataclass(frozen=True, eq=False, repr=False)
class SpectralBall(Proximable):
    """The indicator of |M_p|_2 <= radius, every singular value at most the radius; matrices as in ``NuclearNorm``.

    Raises: ConfigError if the radius is not a finite number >= 0, or the axes are not two different numbers >= 0.
    """

    radius: float | Tensor = 1.0
    axes: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        check_weight(self.radius, "SpectralBall (radius)")
        _check_matrix_axes(self.axes, "SpectralBall")

    def _value(self, x: Tensor) -> Tensor:
        values = torch.linalg.svdvals(_matrices(x, self.axes))
        # A projected point may lie outside by the rounding of its singular values.
        slack = 64 * torch.finfo(x.dtype).eps * self.radius
        inside = (values <= self.radius + slack).flatten(1).all(1)
        return values.new_zeros(len(x)).masked_fill(~inside, math.inf)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return project_onto_spectral_ball(v, self.axes, self.radius)

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled

        return _scaled(self.radius, NuclearNorm(self.axes))

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return self.conjugate  # c times an indicator is that indicator

    def __repr__(self) -> str:
        return f"SpectralBall({as_float(self.radius):g}, axes={self.axes})"


def project_onto_spectral_ball(v: Tensor, axes: tuple[int, int], radius: float | Tensor) -> Tensor:
    """U min(S, radius) V* of every matrix v_p = U S V*; what is inside does not move, to the last bit."""
    matrices = _matrices(v, axes)
    projected = _ClippedSingularValues.apply(matrices, per_row(radius))
    rows, columns = axes
    unflattened = projected.reshape(v.movedim((rows + 1, columns + 1), (-2, -1)).shape)
    return unflattened.movedim((-2, -1), (rows + 1, columns + 1))


class _ClippedSingularValues(torch.autograd.Function):
    """M -> U min(S, r) V*. Autograd of the factors U and V has none where singular values coincide; this map does."""

    @staticmethod
    def forward(ctx: Any, matrices: Tensor, radius: float | Tensor) -> Tensor:
        u, s, vh = torch.linalg.svd(matrices, full_matrices=False)
        ctx.save_for_backward(u, s, vh, radius if isinstance(radius, Tensor) else None)
        ctx.radius = None if isinstance(radius, Tensor) else radius
        clipped = torch.where(s > radius, radius, s).to(s.dtype)
        moves = (s > radius).any(-1)[..., None, None]
        return torch.where(moves, (u * clipped.unsqueeze(-2)) @ vh, matrices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The derivative is symmetric, for a projection is a gradient: the backward map is the directional derivative.

        With f = min(S, r) and X = U* H V, split into its Hermitian and its skew part,
            D = U (X_h (f_i - f_j) / (s_i - s_j) + X_s (f_i + f_j) / (s_i + s_j)) V*
                + (1 - U U*) H V (f / s) V* + U (f / s) U* H (1 - V V*),
        the quotients continued by 1 inside the ball and 0 outside.
        Source: Candes, Sing-Long, Trzasko (2013), section 4.2.
        """
        u, s, vh, learned = ctx.saved_tensors
        radius = ctx.radius if learned is None else learned
        outside = s > radius
        f = torch.where(outside, radius, s).to(s.dtype)
        v = vh.mH
        x = u.mH @ gradient @ v
        hermitian, skew = (x + x.mH) / 2, (x - x.mH) / 2
        s_i, s_j, f_i, f_j = s.unsqueeze(-1), s.unsqueeze(-2), f.unsqueeze(-1), f.unsqueeze(-2)
        out_i, out_j = outside.unsqueeze(-1), outside.unsqueeze(-2)
        between = out_i != out_j  # where the difference is positive
        quotient = torch.where(between, (f_i - f_j) / torch.where(between, s_i - s_j, 1), (~out_i).to(s.dtype))
        total = s_i + s_j
        mean = torch.where(total > 0, (f_i + f_j) / torch.where(total > 0, total, 1), 1)
        shrink = torch.where(outside, f / torch.where(outside, s, 1), 1).unsqueeze(-2)
        inner = hermitian * quotient + skew * mean
        left = gradient @ v - u @ x  # (1 - U U*) H V
        right = u.mH @ gradient - x @ vh  # U* H (1 - V V*)
        moved = u @ inner @ vh + (left * shrink) @ vh + u @ (shrink.mT * right)
        if learned is None or not ctx.needs_input_grad[1]:
            return moved, None
        along = torch.where(outside, x.diagonal(dim1=-2, dim2=-1).real, 0)
        return moved, along.sum_to_size(learned.shape if learned.ndim else (1, 1, 1)).reshape(learned.shape)


def _matrices(x: Tensor, axes: tuple[int, int]) -> Tensor:
    """Shape (batch, places, rows, columns)."""
    return x.movedim((axes[0] + 1, axes[1] + 1), (-2, -1)).unsqueeze(1).flatten(1, -3)


def _check_matrix_axes(axes: tuple[int, ...], who: str) -> None:
    check_axes(axes, who)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ConfigError(f"{who}: axes are {axes}, expected two different ones. Name the rows and the columns.")
