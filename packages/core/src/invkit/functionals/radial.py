"""Smooth substitutes of a group norm: f(x) = sum_p rho(|x_p|), with all derivatives written once."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..derivations import symmetry
from ..derivations.symmetry import Action, keeps_groups
from ..errors import ConfigError
from ..operators.space import real_dtype, squared_magnitude
from . import moduli
from .base import (
    HasHessianDiagonal,
    Proximable,
    as_float,
    check_number,
    check_weight,
    parameters_hold,
    sum_per_image,
    weight_for,
)
from .indicators import behind_batch, root, squared_norm


class RadialNorm(HasHessianDiagonal, Proximable):
    """f(x) = sum over groups p of rho(|x_p|_2), rho convex with rho'(0) = 0, rho'(t) -> 1, and rho'(t) / t falling.

    axes: the axes of a group, as in ``GroupL1``; the real and imaginary parts of its members count together.

        gradient            phi x                                       phi = rho'(t) / t,   t = |x_p|
        Hessian product     phi v + (rho''(t) - phi) u Re <u, v>_p      u = x_p / t, any unit vector where t is 0
        prox(v, tau)        v r / t with r + tau rho'(r) = t = |v_p|
        conjugate           sum_p rho*(|z_p|) where every |z_p| <= 1, else +inf

    The Hessian of a group has the eigenvalues rho''(t), along x, and phi(t), across it.

    Source: dissertation, Appendix 1.B, eq. 1.7 to 1.10, where psi(t) t^2 = rho''(t) - phi(t). In that form nothing is
    divided by a small t.
    """

    axes: tuple[int, ...]

    @abc.abstractmethod
    def _rho(self, squares: Tensor, t: Tensor) -> Tensor:
        """rho(t), by t^2 where rho is quadratic: a square root would hide the curvature at 0 from autograd."""

    @abc.abstractmethod
    def _curvatures(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """rho'(t) / t, positive, and rho''(t)."""

    @abc.abstractmethod
    def _shrinkage(self, t: Tensor, tau: float | Tensor) -> Tensor:
        """r / t with r + tau rho'(r) = t; its limit where t is 0."""

    @abc.abstractmethod
    def _rho_conjugate(self, s: Tensor) -> Tensor:
        """rho*(s) for 0 <= s <= 1."""

    def curvatures(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(rho'(t) / t, rho''(t)) at the length t of every group; real, the axes of a group are kept with length 1.

        The first is the weight of a group in the gradient and in primal-dual Newton methods.

        Raises: ShapeError if x is not a batch of the domain.
        """
        self._check(x, "curvatures")
        return self._curvatures(_length(x, squared_norm(x, self.axes), self.axes))

    def _value(self, x: Tensor) -> Tensor:
        squares = squared_norm(x, self.axes)
        return sum_per_image(self._rho(squares, _length(x, squares, self.axes))).to(real_dtype(x.dtype))

    def convexity(self) -> float | None:
        return 0.0 if parameters_hold(self) else None

    def is_invariant(self, action: Action) -> bool:
        return keeps_groups(action, self.axes)

    def _gradient(self, x: Tensor) -> Tensor:
        return self.curvatures(x)[0] * x

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        t = _length(x, squared_norm(x, self.axes), self.axes)
        across, along = self._curvatures(t)
        unit = x / torch.where(t > 0, t, 1)
        product = (unit.conj() * v).real if x.is_complex() else unit * v
        product = product.sum(behind_batch(self.axes, x), keepdim=True) if self.axes else product
        return across * v + (along - across) * product * unit

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        """Exact for a real x; for a complex one the mean over real and imaginary part."""
        t = _length(x, squared_norm(x, self.axes), self.axes)
        across, along = self._curvatures(t)
        share = squared_magnitude(x / torch.where(t > 0, t, 1)) / (2 if x.is_complex() else 1)
        return (across + (along - across) * share).clamp_min(0)  # rounding may go below

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v * self._shrinkage(_length(v, squared_norm(v, self.axes), self.axes), tau)

    @property
    def conjugate(self) -> Proximable:
        return RadialConjugate(self)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return RadialConjugate(self, weight)


@dataclass(frozen=True, eq=False, repr=False)
class RadialConjugate(Proximable):
    """The conjugate of c f for a radial norm f: z -> c sum_p rho*(|z_p| / c) where every |z_p| <= c, else +inf.

    prox(v, sigma) = v - sigma prox_f(v / sigma, c / sigma) = v (c / sigma) (r / t) phi(r) with t = |v_p| / sigma, where
    nothing cancels; r as in ``RadialNorm``.
    """

    functional: RadialNorm
    weight: float | Tensor = 1.0
    derivations = (rules.CONJUGATE_CONVEX, rules.CONJUGATE_STRONGLY_CONVEX, symmetry.CONJUGATE_INVARIANT)

    def __post_init__(self) -> None:
        check_weight(self.weight, type(self).__name__)

    def _value(self, z: Tensor) -> Tensor:
        axes = self.functional.axes
        t = _length(z, squared_norm(z, axes), axes)
        # A prox may lie outside by the rounding of its norm, as for ``Ball``.
        given = weight_for(self.weight, z)
        inside = t <= given * (1 + 16 * torch.finfo(t.dtype).eps)
        weight = given + torch.zeros_like(t)  # a division by a weight of 0 must not reach the gradient
        s = torch.where(inside & (weight > 0), t, 0) / torch.where(weight > 0, weight, 1)
        value = given * sum_per_image(self.functional._rho_conjugate(s.clamp(max=1)))
        return value.masked_fill(~inside.flatten(1).all(1), math.inf)

    def convexity(self) -> float | None:
        smooth = self.functional.smoothness()
        if not parameters_hold(self):
            return None
        return 0.0 if smooth is None else moduli.of_conjugate(smooth.upper, as_float(self.weight))

    def is_invariant(self, action: Action) -> bool:
        return self.functional.is_invariant(action)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        axes = self.functional.axes
        length, weight = _length(v, squared_norm(v, axes), axes), weight_for(self.weight, v)
        if not isinstance(tau, Tensor) and tau > torch.finfo(length.dtype).tiny ** 0.5:
            return v * self._factor(length, weight, tau)
        # A step of 0, or one so small that a quotient overflows, gives its limit: the nearest point of the domain.
        tau = torch.as_tensor(tau, dtype=length.dtype, device=length.device)
        safe = tau.detach() > torch.finfo(length.dtype).tiny ** 0.5
        nearest = weight / torch.where(length > weight, length, 1)
        nearest = torch.where(length > weight, nearest, 1)
        return v * torch.where(safe, self._factor(length, weight, torch.where(safe, tau, 1)), nearest)

    def _factor(self, length: Tensor, weight: float | Tensor, tau: float | Tensor) -> Tensor:
        t, ratio = length / tau, weight / tau
        shrinkage = self.functional._shrinkage(t, ratio)
        return ratio * shrinkage * self.functional._curvatures(t * shrinkage)[0]

    @property
    def conjugate(self) -> Proximable:
        from .conjugate import _scaled

        return _scaled(self.weight, self.functional)

    def __repr__(self) -> str:
        return f"({as_float(self.weight):.4g} * {self.functional!r})*"


def check_positive(value: float | Tensor, who: str, what: str) -> None:
    """Raises: ConfigError unless a parameter is one positive, finite number."""
    check_number(value, who, what)
    if isinstance(value, Tensor) and value.ndim != 0:
        raise ConfigError(f"{who}: {what} has shape {tuple(value.shape)}, expected one number. Pass a 0-d tensor.")
    if not 0 < as_float(value) < math.inf:
        raise ConfigError(f"{who}: {what} is {as_float(value)}, expected a positive number. Use the norm itself for 0.")


def _length(x: Tensor, squares: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The root of the squares, with derivative 0 at 0 whatever the order."""
    if not axes and not x.is_complex():
        return x.abs()
    return root(squares).to(real_dtype(x.dtype))
