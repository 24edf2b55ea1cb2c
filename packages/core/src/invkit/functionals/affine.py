"""The indicator of an affine set {x: A x = b}, such as data consistency with exact measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..errors import ConfigError, DataError, ShapeError
from ..operators.base import HasPseudoInverse, LinearOperator
from ..operators.contents import contents_of
from ..operators.dense import Dense
from ..operators.space import Space, inner, norm, real_dtype
from .base import Proximable
from .data_fidelity import check_measurement
from .indicators import Indicator


@dataclass(frozen=True, eq=False, repr=False)
class AffineSet(Indicator):
    """The indicator of A x = b, for an A with a pseudo-inverse in closed form, or a small ``Dense``.

    rhs: b, a batch of the codomain; one image of it serves every x.
    prox: x - A^+ (A x - b), one A and one A^+.
    conjugate: Re <A^+ b, z> for z in the range of A*, else +inf.
    value: 0 where |A x - b| is rounding, relative to |A| |x| + |b|.

    Raises: ConfigError if A has no pseudo-inverse; ShapeError if b does not fit; DataError if b is not finite, or no
    x has A x = b.
    """

    operator: LinearOperator
    rhs: Tensor

    def __post_init__(self) -> None:
        _check_operator(self.operator, "AffineSet")
        self.operator.codomain.check(self.rhs, "AffineSet: rhs")
        check_measurement(self.rhs, "AffineSet")
        with torch.no_grad():
            missed = norm(_onto_range(self.operator, self.rhs) - self.rhs)
            nearest = norm(pseudo_inverse(self.operator, self.rhs))
            allowed = _slack(self.rhs) * (self.operator.norm().upper * nearest + norm(self.rhs))
        if bool((missed > allowed).any()):
            raise DataError(
                f"AffineSet: the nearest A x is {float((missed - allowed).max()):.3g} away from rhs, expected 0: the "
                "set is empty. Project rhs onto the range of A first, e.g. forward(pseudo_inverse(rhs))."
            )

    @property
    def domain(self) -> Space:
        return self.operator.domain

    def _value(self, x: Tensor) -> Tensor:
        missed = norm(self._residual(x))
        return _indicator(missed <= _slack(x) * (self.operator.norm().upper * norm(x) + norm(self.rhs)), x)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return v - pseudo_inverse(self.operator, self._residual(v))

    def _residual(self, x: Tensor) -> Tensor:
        _check_batch(self.rhs, x, "AffineSet")
        return self.operator.forward(x) - self.rhs

    @property
    def conjugate(self) -> Proximable:
        return AffineSupport(self.operator, self.rhs)


@dataclass(frozen=True, eq=False, repr=False)
class AffineSupport(Proximable):
    """The conjugate of an affine set: z -> Re <A^+ b, z> for z in the range of A*, else +inf.

    prox(v, sigma) = A^+ (A v - sigma b).

    Raises: ConfigError if A has no pseudo-inverse; ShapeError if b does not fit.
    """

    operator: LinearOperator
    rhs: Tensor

    def __post_init__(self) -> None:
        _check_operator(self.operator, "AffineSupport")
        self.operator.codomain.check(self.rhs, "AffineSupport: rhs")

    @property
    def domain(self) -> Space:
        return self.operator.domain

    def _value(self, z: Tensor) -> Tensor:
        _check_batch(self.rhs, z, "AffineSupport")
        beside = norm(z - _onto_adjoint_range(self.operator, z))
        value = inner(pseudo_inverse(self.operator, self.rhs).expand_as(z), z).real
        return value + _indicator(beside <= _slack(z) * norm(z), z)

    derivations = (rules.CONJUGATE_CONVEX,)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        _check_batch(self.rhs, v, "AffineSupport")
        return _onto_adjoint_range(self.operator, v) - tau * pseudo_inverse(self.operator, self.rhs)

    @property
    def conjugate(self) -> Proximable:
        return AffineSet(self.operator, self.rhs)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return AffineSet(self.operator, weight * self.rhs)


def pseudo_inverse(operator: LinearOperator, y: Tensor) -> Tensor:
    """A^+ y by the operator's closed form, or through the singular values of a dense matrix."""
    if isinstance(operator, HasPseudoInverse):
        return operator.pseudo_inverse(y)
    assert isinstance(operator, Dense)
    if operator.matrix.requires_grad and torch.is_grad_enabled():
        rounding = max(operator.matrix.shape) * torch.finfo(operator.matrix.dtype).eps
        inverse = torch.linalg.pinv(operator.matrix.to(_wide(operator)), rtol=rounding).to(operator.matrix.dtype)
        return (y.flatten(1) @ inverse.mT).unflatten(1, operator.domain_shape)
    u, s, vh = _factors(operator)
    x = (y.flatten(1).to(u.dtype) @ u.conj() / s) @ vh.conj()
    return x.to(y.dtype).unflatten(1, operator.domain_shape)


def _onto_range(operator: LinearOperator, y: Tensor) -> Tensor:
    """The nearest A x to y: A A^+ y, but of a dense matrix U U* y, where no small singular value magnifies rounding."""
    if not isinstance(operator, Dense):
        return operator.forward(pseudo_inverse(operator, y))
    u = _factors(operator)[0]
    return ((y.flatten(1).to(u.dtype) @ u.conj()) @ u.mT).to(y.dtype).unflatten(1, operator.codomain_shape)


def _onto_adjoint_range(operator: LinearOperator, z: Tensor) -> Tensor:
    """The nearest A* y to z: A^+ A z, or V V* z."""
    if not isinstance(operator, Dense) or (operator.matrix.requires_grad and torch.is_grad_enabled()):
        return pseudo_inverse(operator, operator.forward(z))
    vh = _factors(operator)[2]
    return ((z.flatten(1).to(vh.dtype) @ vh.mT) @ vh.conj()).to(z.dtype).unflatten(1, operator.domain_shape)


@torch.no_grad()
def _factors(operator: Dense) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V* of the matrix in float64, without what its own precision cannot tell from zero; kept while it stands.

    Applied one after the other, so that the rounding of A^+ y is relative to A^+ y also where A is ill conditioned.
    """
    key, memo = contents_of(operator), operator.__dict__.get("_factors_memo")
    if key is None or memo is None or memo[0] != key:
        u, s, vh = torch.linalg.svd(operator.matrix.detach().to(_wide(operator)), full_matrices=False)
        rounding = max(operator.matrix.shape) * torch.finfo(operator.matrix.dtype).eps
        rank = int((s > rounding * s[:1]).sum())
        memo = (key, (u[:, :rank], s[:rank], vh[:rank]))
        operator.__dict__["_factors_memo"] = memo
    return memo[1]


def _wide(operator: Dense) -> torch.dtype:
    return torch.complex128 if operator.matrix.is_complex() else torch.float64


def _slack(x: Tensor) -> float:
    return 256 * torch.finfo(x.dtype).eps


def _indicator(inside: Tensor, x: Tensor) -> Tensor:
    return torch.zeros(len(x), dtype=real_dtype(x.dtype), device=x.device).masked_fill(~inside, math.inf)


def _check_operator(operator: LinearOperator, who: str) -> None:
    if not isinstance(operator, HasPseudoInverse | Dense):
        raise ConfigError(
            f"{who}: operator is {type(operator).__name__}, expected one with a pseudo-inverse in closed form, or "
            "Dense. Use a least-squares term instead."
        )


def _check_batch(rhs: Tensor, x: Tensor, who: str) -> None:
    if len(rhs) not in (1, len(x)):
        raise ShapeError(f"{who}: rhs has {len(rhs)} images, expected {len(x)}, or 1 for all. Slice it as the images.")
