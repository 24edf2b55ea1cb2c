"""The optimality condition of a smoothed norm, linearised in the primal and the dual variable together."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...functionals.indicators import project_onto_ball
from ...functionals.radial import RadialNorm
from ...operators.space import per_image


@dataclass(frozen=True, eq=False)
class RadialLinearisation:
    """psi(|u|) w = u, psi(t) = t / rho'(t), for one radial norm, linearised at (u, w) with |w|_p <= 1.

        w + dw = phi (u + du - a Re <u / |u|, du> w),   phi = 1 / psi = rho'(t) / t,   a = psi'(t)
        M = phi (I - a (w e^T + e w^T) / 2),            e = u / |u|

    a = (1 - rho''(t) / phi) / rho'(t) lies in [0, 1]: it is 1 wherever rho is t + a constant. The eigenvalues of M are
    phi and phi (1 - a (Re <w, e> +- |w|) / 2), none of them negative. Where w = phi u, M is the Hessian.
    A group in which u = 0 has e = 0.

    Source: Chan, Golub, Mulet (1999), SIAM J. Sci. Comput. 20, 1964-1977, for rho(t) = (t^2 + beta)^(1/2).
    """

    functional: RadialNorm
    u: Tensor
    w: Tensor
    phi: Tensor = field(init=False)
    turn: Tensor = field(init=False)

    def __post_init__(self) -> None:
        phi, along = self.functional.curvatures(self.u)
        slope = phi * self._length()
        positive = slope > 0
        safe = torch.where(positive, slope, 1)
        a = torch.where(positive, (1 - along / phi) / safe, 0).clamp(0, 1)
        object.__setattr__(self, "phi", phi)
        object.__setattr__(self, "turn", a * torch.where(positive, phi / safe, 0) * self.u)  # a e

    def _length(self) -> Tensor:
        return self._along(self.u, self.u).sqrt()

    def _along(self, x: Tensor, z: Tensor) -> Tensor:
        """Re <x, z> of every group."""
        product = (x * z.conj()).real if x.is_complex() else x * z
        return product.sum([a + 1 for a in self.functional.axes], keepdim=True) if self.functional.axes else product

    def apply(self, v: Tensor) -> Tensor:
        """M v."""
        both = self._along(self.turn, v) * self.w + self._along(self.w, v) * self.turn
        return self.phi * (v - 0.5 * both)

    def diagonal(self) -> Tensor:
        """The diagonal of M, for complex numbers its mean over real and imaginary part; above 0 by a rounding."""
        share = (self.w * self.turn.conj()).real / 2 if self.w.is_complex() else self.w * self.turn
        return self.phi * (1 - share).clamp_min(torch.finfo(share.dtype).eps)

    def dual(self, du: Tensor, step: Tensor) -> Tensor:
        """w + step dw, projected onto the unit ball of every group."""
        target = self.phi * (self.u + du - self._along(self.turn, du) * self.w)
        moved = self.w + per_image(step, self.w) * (target - self.w)
        return project_onto_ball(moved, self.functional.axes, 1.0)
