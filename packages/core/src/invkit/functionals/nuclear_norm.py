"""The nuclear norm of matrices inside an image, and its dual, the ball of the spectral norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..derivations.symmetry import Action, Moved, Phase, keeps_blocks
from ..errors import ConfigError
from .base import Proximable, as_float, check_weight, weight_for
from .indicators import Indicator, behind_batch, check_axes
from .simplex import per_row


@dataclass(frozen=True, eq=False, repr=False)
class NuclearNorm(Proximable):
    """sum_p |M_p|_*, the sum of the singular values of the matrix that some axes form at each place p of the others.

    rows, columns: the axes that make the rows and the columns of a matrix, without the batch axis. (0,) and (1,) take
        the channels and the directions of a gradient field (channel, d, *spatial): after a gradient this is total
        nuclear variation, which lets the channels share their edges. (0,) and (1, 2) make one matrix of all frames and
        all pixels of an image series, of low rank where few frames explain the others.
    prox: singular values shrink by tau.   conjugate: the indicator of |M_p|_2 <= 1, every singular value at most 1.
    The prox has first derivatives in every argument, also where singular values coincide; a second one is an error.

    Raises: ConfigError if axes are negative, or one of them is used twice or none at all.
    Source: Cai, Candes, Shen (2010), Theorem 2.1; Holt (2014) for the gradient.
    """

    rows: tuple[int, ...] = (0,)
    columns: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        _check_matrix_axes(self.rows, self.columns, "NuclearNorm")

    def _value(self, x: Tensor) -> Tensor:
        values = torch.linalg.svdvals(_matrices(x, self.rows, self.columns))
        return torch.where(values > 0, values, 0).flatten(1).sum(1)  # the subgradient at zero is 0

    def convexity(self) -> float:
        return 0.0

    def is_invariant(self, action: Action) -> bool:
        return keep_matrices(action, self.rows, self.columns)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v - project_onto_spectral_ball(v, self.rows, self.columns, tau)

    @property
    def conjugate(self) -> Proximable:
        return self.scaled_conjugate(1.0)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return SpectralBall(weight, self.rows, self.columns)

    def __repr__(self) -> str:
        return f"NuclearNorm({self.rows}, {self.columns})"


@dataclass(frozen=True, eq=False, repr=False)
class SpectralBall(Indicator):
    """The indicator of |M_p|_2 <= radius, every singular value at most the radius; matrices as in ``NuclearNorm``.

    Raises: ConfigError if the radius is not a finite number >= 0, or the axes are wrong.
    """

    radius: float | Tensor = 1.0
    rows: tuple[int, ...] = (0,)
    columns: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        check_weight(self.radius, "SpectralBall (radius)")
        _check_matrix_axes(self.rows, self.columns, "SpectralBall")

    def _value(self, x: Tensor) -> Tensor:
        values = torch.linalg.svdvals(_matrices(x, self.rows, self.columns))
        # A projected point may lie outside by the rounding of its singular values.
        radius = weight_for(self.radius, x)
        slack = 64 * torch.finfo(x.dtype).eps * radius
        inside = (values <= radius + slack).flatten(1).all(1)
        return values.new_zeros(len(x)).masked_fill(~inside, math.inf)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return project_onto_spectral_ball(v, self.rows, self.columns, self.radius)

    def is_invariant(self, action: Action) -> bool:
        return keep_matrices(action, self.rows, self.columns)

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled

        return _scaled(self.radius, NuclearNorm(self.rows, self.columns))

    def __repr__(self) -> str:
        return f"SpectralBall({as_float(self.radius):g}, {self.rows}, {self.columns})"


def keep_matrices(action: Action, rows: tuple[int, ...], columns: tuple[int, ...]) -> bool:
    """Whether it only permutes the rows and the columns of the matrices and the matrices themselves, or is a phase."""
    return keeps_blocks(action, rows, columns) if isinstance(action, Moved) else isinstance(action, Phase)


def project_onto_spectral_ball(
    v: Tensor, rows: tuple[int, ...], columns: tuple[int, ...], radius: float | Tensor
) -> Tensor:
    """U min(S, radius) V* of every matrix v_p = U S V*; what is inside does not move, to the last bit."""
    matrices = _matrices(v, rows, columns)
    if not isinstance(radius, Tensor):
        radius = min(radius, torch.finfo(v.dtype).max)
    projected, *_ = _ClippedSingularValues.apply(matrices, per_row(radius))
    moved = _matrix_axes_last(v, rows, columns)
    last = tuple(range(-len(rows + columns), 0))
    return projected.reshape(moved.shape).movedim(last, tuple(a + 1 for a in rows + columns))


class _ClippedSingularValues(torch.autograd.Function):
    """M -> U min(S, r) V*. Autograd of the factors U and V has none where singular values coincide; this map does."""

    generate_vmap_rule = True

    @staticmethod
    def forward(matrices: Tensor, radius: float | Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        u, s, vh = torch.linalg.svd(matrices, full_matrices=False)
        clipped = torch.where(s > radius, radius, s).to(s.dtype)
        moves = (s > radius).any(-1)[..., None, None]
        return torch.where(moves, (u * clipped.unsqueeze(-2)) @ vh, matrices), u, s, vh

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float | Tensor], output: tuple[Tensor, ...]) -> None:
        matrices, radius = inputs
        _, u, s, vh = output
        ctx.mark_non_differentiable(u, s, vh)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(matrices, u, s, vh, radius if isinstance(radius, Tensor) else None)
        ctx.radius = None if isinstance(radius, Tensor) else radius

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, *_: None) -> tuple[Tensor | None, Tensor | None]:
        """The derivative is symmetric, for a projection is a gradient: the backward map is the directional derivative.

        With f = min(S, r) and X = U* H V, split into its Hermitian and its skew part,
            D = U (X_h (f_i - f_j) / (s_i - s_j) + X_s (f_i + f_j) / (s_i + s_j)) V*
                + (1 - U U*) H V (f / s) V* + U (f / s) U* H (1 - V V*),
        the quotients continued by 1 inside the ball and 0 outside.
        Source: Candes, Sing-Long, Trzasko (2013), section 4.2.
        """
        if gradient is None:
            return None, None
        matrices, u, s, vh, learned = ctx.saved_tensors
        # D is linear in H, and autograd differentiates it in H as it stands; how it depends on M and r is not written.
        u, s, vh = _HeldFactors.apply(u, s, vh, matrices, learned)
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
        along = along.sum_to_size(learned.shape if learned.ndim else (1, 1, 1)).reshape(learned.shape)
        return moved, along.to(learned.dtype)


class _HeldFactors(torch.autograd.Function):
    """U, S and V* as they are, for first derivatives only: to differentiate them again is an error, not a zero."""

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, s: Tensor, vh: Tensor, matrices: Tensor, radius: Tensor | None) -> tuple[Tensor, ...]:
        return u.view_as(u), s.view_as(s), vh.view_as(vh)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor | None, ...], output: tuple[Tensor, ...]) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> None:
        raise ConfigError(
            "NuclearNorm.prox: the derivative is asked for its own derivative, expected first derivatives only. "
            "Use a smooth norm such as SmoothedNorm, or differentiate without create_graph."
        )


def _matrices(x: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]) -> Tensor:
    """Shape (batch, places, rows, columns)."""
    matrices = _matrix_axes_last(x, rows, columns).flatten(-len(columns))
    return matrices.flatten(-1 - len(rows), -2).unsqueeze(1).flatten(1, -3)


def _matrix_axes_last(x: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]) -> Tensor:
    axes = behind_batch(rows + columns, x)
    return x.movedim(axes, tuple(range(-len(axes), 0)))


def _check_matrix_axes(rows: tuple[int, ...], columns: tuple[int, ...], who: str) -> None:
    for axes in (rows, columns):
        check_axes(axes, who)
    if not rows or not columns or len(set(rows + columns)) != len(rows + columns):
        raise ConfigError(
            f"{who}: axes are {rows} and {columns}, expected at least one for the rows, one for the columns, and none "
            "twice. Name those that make a matrix."
        )
