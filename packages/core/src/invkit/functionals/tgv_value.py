"""The value of total generalised variation: its tensor fields by a primal-dual Newton method, with a proof."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import ConvergenceError, ShapeError
from ..operators.space import inner
from ..operators.tensor_residual import TensorResidual
from .base import as_float
from .indicators import group_norm

if TYPE_CHECKING:
    from .tgv import TGV


#: Numbers in the tensor fields of one channel: the matrices have their square.
_LARGEST = 6000


@torch.no_grad()
def inner_minimum(f: TGV, x: Tensor) -> tuple[Tensor, Tensor]:
    """u = (x, w) with w minimal to ``f.rtol``, and a q with f(z) >= Re <q, z> for all z that is tight at x to it.

    minimise sum_g r_g |s_g| over w, s = A w + b, by Newton's method for A* y = 0 and y_g |s_g|_e = r_g s_g with
    |s|_e = (|s|^2 + e^2)^(1/2), e in proportion to the duality gap. The matrices are dense.

    Raises: ShapeError if the image is too large for that; ConvergenceError if the gap does not close in ``f.max_steps``
    steps.
    Source: Chan, Golub, Mulet (1999), A nonlinear primal-dual method for total variation-based image restoration.
    """
    unknowns = f.residuals()[0].domain.size - x.shape[1:].numel()
    if unknowns > _LARGEST:
        raise ShapeError(
            f"TGV.value: the tensor fields of an image of shape {f.space.shape} have {unknowns} numbers, expected at "
            f"most {_LARGEST}, for the matrices are dense. Solve with core/pdhg, which needs no value."
        )
    weights = [as_float(weight) for weight in reversed(f.weights)]
    unit = max(weights) or 1.0
    levels = _Levels.of(f.residuals(), x, tuple(weight / unit for weight in weights))
    w, y = levels.natural_start()
    start = levels.total(levels.residuals(torch.zeros_like(w)))  # every field zero: total variation
    best, best_w = start.clone(), torch.zeros_like(w)
    w = _where(levels.total(levels.residuals(w)) < start, w, best_w)
    lower, best_q = torch.zeros_like(best), torch.zeros_like(levels.x)
    budget = torch.full_like(best, math.inf)
    done = torch.zeros_like(best, dtype=torch.bool)
    for _ in range(f.max_steps):
        value = levels.total(levels.residuals(w))
        better = ~done & (value < best)
        best, best_w = torch.where(better, value, best), _where(better, w, best_w)
        bound, q = levels.dual_bound(y[-1])
        better = ~done & (bound > lower)
        lower, best_q = torch.where(better, bound, lower), _where(better, q, best_q)
        # Of a polynomial only rounding is left, relative to its variation.
        done = done | (best - lower <= f.rtol * best) | (best <= 1e-14 * start)
        if bool(done.all()):
            break
        budget = torch.minimum(budget, 0.2 * (best - lower))
        w, y = levels.newton_step(w, y, levels.smoothing(budget))
    else:
        worst = float(((best - lower) / best)[~done].max())
        raise ConvergenceError(
            f"TGV.value: the duality gap is {worst:.3g} of the value after {f.max_steps} steps, expected at most "
            f"{f.rtol:g}. Raise max_steps or rtol, and keep the weights within a factor of 1e4 of each other."
        )
    return levels.unknown(best_w), unit * best_q


@dataclass(frozen=True, eq=False)
class _Levels:
    """s_l = A_l w + b_l for l = 1, ..., k in real numbers, (batch, group, entry), complex ones as two entries.

    The image x and the fields are divided by ``size``, the steepest difference, so that all are of size 1.
    kept: the numbers of the fields that enter any s.
    """

    operators: tuple[TensorResidual, ...]
    radii: tuple[float, ...]
    x: Tensor
    size: Tensor
    kept: Tensor
    matrices: tuple[Tensor, ...]
    offsets: tuple[Tensor, ...]

    @classmethod
    def of(cls, operators: tuple[TensorResidual, ...], x: Tensor, radii: tuple[float, ...]) -> _Levels:
        real = [replace(k, derivative=replace(k.derivative, dtype=torch.float64)) for k in operators]
        basis = torch.eye(real[0].domain.size, dtype=torch.float64, device=x.device)[x.shape[1:].numel() :]
        columns = [_groups(k.forward(basis.unflatten(1, real[0].domain.shape))) for k in real]
        kept = functools.reduce(torch.logical_or, ((c != 0).flatten(1).any(1) for c in columns))
        pair = torch.eye(2 if x.is_complex() else 1, dtype=torch.float64, device=x.device)
        matrices = tuple(torch.kron(c[kept].permute(1, 2, 0).contiguous(), pair) for c in columns)
        differences = group_norm(operators[0].derivative.forward(x.unsqueeze(2)), (1,)).flatten(1)
        steepest = differences.amax(1)
        size = torch.where(steepest > 0, steepest, 1).reshape(-1, *(1,) * (x.ndim - 1))
        u = operators[0].domain.zeros(len(x))
        u[:, : x.shape[1]] = x / size
        offsets = tuple(_reals(_groups(k.forward(u))) for k in operators)
        return cls(operators, radii, x / size, size, kept, matrices, offsets)

    def residuals(self, w: Tensor) -> list[Tensor]:
        """s_l for fields w of shape (batch, unknown)."""
        return [_apply(a, w) + b for a, b in zip(self.matrices, self.offsets, strict=True)]

    def total(self, s: Sequence[Tensor]) -> Tensor:
        """sum_g r_g |s_g|, (batch,)."""
        return functools.reduce(torch.add, (r * s_l.norm(dim=-1).sum(1) for s_l, r in zip(s, self.radii, strict=True)))

    def smoothing(self, budget: Tensor) -> list[Tensor]:
        """e_l for each level, (batch, 1, 1): they change the minimum by at most ``budget`` together."""
        parts = [
            budget / (max(r * a.shape[0], 1e-300) * len(self.radii))
            for a, r in zip(self.matrices, self.radii, strict=True)
        ]
        return [part.clamp(1e-15, 1.0).reshape(-1, 1, 1) for part in parts]

    def natural_start(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """w_l = E w_{l-1}, which are the fields of a polynomial, and y = 0."""
        u = self.operators[0].domain.zeros(len(self.x))
        u[:, : self.x.shape[1]] = self.x
        fields = self.operators[0].fields(u)
        for k, before, after in zip(self.operators, fields, fields[1:], strict=False):
            after.copy_(k.derivative.forward(before))
        w = u[:, self.x.shape[1] :].flatten(1)[:, self.kept]
        return _reals(w.unsqueeze(2)).flatten(1), tuple(torch.zeros_like(b) for b in self.offsets)

    def newton_step(self, w: Tensor, y: tuple[Tensor, ...], e: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """w + t d and the duals, with the t in 1, 1/2, ... that is best for sum_g r_g |s_g|_e."""
        s = self.residuals(w)
        eta = [(s_l.square().sum(-1, keepdim=True) + e_l**2).sqrt() for s_l, e_l in zip(s, e, strict=True)]
        curvatures, hessians, gradients = [], [], []
        for a, s_l, n, y_l, r in zip(self.matrices, s, eta, y, self.radii, strict=True):
            # The symmetric part of the linearisation, at duals in their balls, is positive semidefinite.
            inside = y_l * (r / y_l.norm(dim=-1, keepdim=True).clamp_min(max(r, 1e-300)))
            outer = inside.unsqueeze(-1) * (s_l / n).unsqueeze(-2)
            d = (r * torch.eye(a.shape[1], dtype=a.dtype, device=a.device) - 0.5 * (outer + outer.mT)) / n.unsqueeze(-1)
            curvatures.append(d)
            flat = a.flatten(0, 1)
            hessians.append(flat.mT @ (d @ a).flatten(1, 2))
            gradients.append((r * s_l / n).flatten(1) @ flat)
        hessian, gradient = functools.reduce(torch.add, hessians), functools.reduce(torch.add, gradients)
        # Rounding may leave a direction without curvature; a little of the diagonal does not change the solution.
        ridge = 1e-14 * hessian.diagonal(dim1=1, dim2=2).amax(1, keepdim=True).clamp_min(1e-30)
        hessian.diagonal(dim1=1, dim2=2).add_(ridge)
        step = -torch.linalg.solve(hessian, gradient)
        moved = [_apply(a, step) for a in self.matrices]
        lengths = 0.5 ** torch.arange(12, dtype=w.dtype, device=w.device)
        trials = [
            self.total([_smoothed(s_l + t * m, e_l) for s_l, m, e_l in zip(s, moved, e, strict=True)]) for t in lengths
        ]
        t = lengths[torch.stack(trials).argmin(0)].reshape(-1, 1)
        duals = tuple(
            r * s_l / n + (d @ m.unsqueeze(-1)).squeeze(-1)
            for s_l, n, d, m, r in zip(s, eta, curvatures, moved, self.radii, strict=True)
        )
        return w + t * step, duals

    def dual_bound(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Re <q, x> and q = t E* ... E* z, with the largest t <= 1 for which every stage is admissible.

        The dual of the minimum over w is the maximum of Re <q, x> over q = E* y_1, y_l = E* y_{l+1}, |y_l| <= r_l:
        any z, scaled down, gives a lower bound.
        """
        last = self.operators[-1].codomain
        t = torch.ones(len(z), dtype=torch.float64, device=z.device)
        field = _ungroup(_numbers(z, last.is_complex), last.shape)
        for k, r in zip(reversed(self.operators), reversed(self.radii), strict=True):
            largest = group_norm(field, (1,)).flatten(1).amax(1)
            t = torch.where(largest > r, torch.minimum(t, r / largest), t)
            field = k.derivative.adjoint(field)
        q = t.reshape(-1, *(1,) * (self.x.ndim - 1)) * field.flatten(1, 2)
        return inner(q, self.x).real, q

    def unknown(self, w: Tensor) -> Tensor:
        """(x, w) as the operators take it, in the units of the image."""
        parts = 2 if self.x.is_complex() else 1
        flat = torch.zeros((len(w), len(self.kept)), dtype=self.x.dtype, device=w.device)
        flat[:, self.kept] = _numbers(
            w.unflatten(1, (self.matrices[0].shape[2] // parts, parts)), self.x.is_complex()
        ).squeeze(-1)
        fields = flat.unflatten(1, (-1, *self.x.shape[2:]))
        return torch.cat((self.x, fields), 1) * self.size


def _smoothed(s: Tensor, e: Tensor) -> Tensor:
    """s with e as one more entry, so that its length is |s|_e."""
    return torch.cat((s, e.expand(*s.shape[:2], 1)), -1)


def _groups(field: Tensor) -> Tensor:
    """(batch, channel, entry, *spatial) to (batch, group, entry)."""
    return field.flatten(3).transpose(2, 3).flatten(1, 2)


def _ungroup(groups: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The inverse of ``_groups`` for a field of that shape."""
    channels, _, *spatial = shape
    return groups.unflatten(1, (channels, -1)).transpose(2, 3).unflatten(3, spatial).contiguous()


def _reals(z: Tensor) -> Tensor:
    """Complex entries as two real ones on the last axis."""
    return torch.view_as_real(z.resolve_conj()).flatten(-2) if z.is_complex() else z


def _numbers(z: Tensor, is_complex: bool) -> Tensor:
    """The inverse of ``_reals``."""
    return torch.view_as_complex(z.unflatten(-1, (-1, 2)).contiguous()) if is_complex else z


def _apply(matrix: Tensor, w: Tensor) -> Tensor:
    return (w @ matrix.flatten(0, 1).mT).unflatten(1, matrix.shape[:2])


def _where(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(mask.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
