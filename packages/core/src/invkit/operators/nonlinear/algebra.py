"""Algebra of operators that need not be linear: F @ G, F + G and c * F, and the linearisation at a point.

(F G)'(x) = F'(G x) G'(x)     (F + G)'(x) = F'(x) + G'(x)     (c F)'(x) = c F'(x)

Where every part is linear, so is the result: ``algebra.py`` has those.
"""

from __future__ import annotations

import abc
import functools
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...claims import Claim
from ...derivations import maps, symmetry
from ...derivations.symmetry import Action, summed
from ...errors import ConfigError, ShapeError
from .. import algebra
from ..base import LinearOperator, Operator, require_space
from ..norm import Interval
from ..space import Space


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearComposition(Operator):
    """F G: first G, then F.

    Raises: ShapeError if the codomain of G is not the domain of F.
    """

    left: Operator
    right: Operator
    derivations = (symmetry.COMPOSITION_EQUIVARIANT,)

    def __post_init__(self) -> None:
        require_space(self.right.codomain, self.left.domain, "NonlinearComposition", "codomain of the right operator")

    @property
    def domain(self) -> Space:
        return self.right.domain

    @property
    def codomain(self) -> Space:
        return self.left.codomain

    def claims(self) -> tuple[Claim, ...]:
        """And how far it stretches distances, if its parts say so."""
        from .sectors import sector_claims

        return (*super().claims(), *sector_claims(self, maps.COMPOSITION_LIPSCHITZ, maps.COMPOSITION_AVERAGED))

    def _forward(self, x: Tensor) -> Tensor:
        return self.left.forward(self.right.forward(x))

    def _carried(self, action: Action) -> Action | None:
        between = self.right.carried(action)
        return None if between is None else self.left.carried(between)

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return self.left.jvp(self.right.forward(x), self.right.jvp(x, v))

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        return self.right.vjp(x, self.left.vjp(self.right.forward(x), z))


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearSum(Operator):
    """F_1 + ... + F_m, all between the same spaces.

    Raises: ShapeError if their spaces differ.
    """

    terms: tuple[Operator, ...]
    derivations = (symmetry.SUM_EQUIVARIANT,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(self.terms))
        for term in self.terms[1:]:
            require_space(term.domain, self.terms[0].domain, "NonlinearSum", "domain of a term")
            require_space(term.codomain, self.terms[0].codomain, "NonlinearSum", "codomain of a term")

    @property
    def domain(self) -> Space:
        return self.terms[0].domain

    @property
    def codomain(self) -> Space:
        return self.terms[0].codomain

    def claims(self) -> tuple[Claim, ...]:
        """And how far it stretches distances, if its parts say so."""
        from .sectors import sector_claims

        return (*super().claims(), *sector_claims(self, maps.SUM_LIPSCHITZ, maps.SUM_AVERAGED))

    def _forward(self, x: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.forward(x) for term in self.terms))

    def _carried(self, action: Action) -> Action | None:
        return summed([term.carried(action) for term in self.terms])

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.jvp(x, v) for term in self.terms))

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        return functools.reduce(torch.add, (term.vjp(x, z) for term in self.terms))


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearScaled(Operator):
    """c F for a real or complex number c, which may be a 0-d tensor that is learned.

    Raises: ConfigError if c is not one finite number; ShapeError if c is complex and F has real values.
    """

    factor: float | complex | Tensor
    operator: Operator
    derivations = (symmetry.MULTIPLE_EQUIVARIANT,)

    def __post_init__(self) -> None:
        algebra.check_factor(self.factor, self.operator.codomain)

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.codomain

    def claims(self) -> tuple[Claim, ...]:
        """And how far it stretches distances, if its parts say so."""
        from .sectors import sector_claims

        return (*super().claims(), *sector_claims(self, maps.MULTIPLE_LIPSCHITZ))

    def _forward(self, x: Tensor) -> Tensor:
        return self.factor * self.operator.forward(x)

    def _carried(self, action: Action) -> Action | None:
        return self.operator.carried(action)

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return self.factor * self.operator.jvp(x, v)

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        # The factor goes first: it may be complex where the domain is real.
        return self.operator.vjp(x, algebra._conj(self.factor) * z)


@dataclass(frozen=True, eq=False, repr=False)
class Linearisation(LinearOperator):
    """v -> F'(x) v, the Jacobian at x, with adjoint z -> F'(x)* z; the normal operator of Gauss-Newton is its A*A.

    x: where; a batch that the images v share one by one, or one image for all of them.
    bound: bounds of the norm for every image of x, if the user has them; None asks the parts of F, of which only
        linear ones, pointwise ones and what is composed of them know any.

    norm() raises ConfigError where nothing is known: no number of evaluations bounds a norm from above.

    Raises: ShapeError if x is not a batch of the domain of F, or the images do not pair up with those of x.
    """

    operator: Operator
    x: Tensor
    bound: Interval | None = None
    complex_linear: ClassVar[bool] = False  # a derivative such as that of |x|^2 is linear over the reals

    def __post_init__(self) -> None:
        self.operator.domain.check(self.x, "Linearisation: x")

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.codomain

    def _point(self, images: Tensor) -> Tensor:
        if len(self.x) == len(images):
            return self.x
        if len(self.x) != 1:
            raise ShapeError(
                f"Linearisation: there are {len(images)} images, expected {len(self.x)}, as x has. "
                "Linearise at one image per image, or at one for all."
            )
        return self.x.expand(len(images), *self.x.shape[1:])

    def _forward(self, x: Tensor) -> Tensor:
        return self.operator.jvp(self._point(x), x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.operator.vjp(self._point(y), y)

    def _norm(self) -> Interval:
        known = self.bound or jacobian_norm(self.operator, self.x)
        if known is None:
            raise ConfigError(
                f"Linearisation: bound is None for {type(self.operator).__name__}, expected an Interval. "
                "Pass one that you can prove, or use a method that needs no norm (conjugate gradients)."
            )
        return known


class HasJacobianNorm(Operator):
    """An operator that knows bounds of the norm of its Jacobian at a point."""

    @abc.abstractmethod
    def _jacobian_norm(self, x: Tensor) -> Interval:
        """lower <= the largest |F'(x_i)| over the images of x <= upper."""


def jacobian_norm(operator: Operator, x: Tensor) -> Interval | None:
    """Bounds of the largest |F'(x_i)| over the images of x, by algebra; None where a part knows none."""
    if isinstance(operator, LinearOperator):
        return operator.norm()
    if isinstance(operator, HasJacobianNorm):
        return operator._jacobian_norm(x) if x.numel() else Interval.exact(0.0, "no images")
    if isinstance(operator, NonlinearScaled):
        inner = jacobian_norm(operator.operator, x)
        return None if inner is None else inner.scaled(abs(algebra.number(operator.factor)))
    if isinstance(operator, NonlinearComposition):
        left = jacobian_norm(operator.left, operator.right.forward(x))
        right = jacobian_norm(operator.right, x)
        return None if left is None or right is None else (left * right).without_lower()
    if isinstance(operator, NonlinearSum):
        parts = [jacobian_norm(term, x) for term in operator.terms]
        known = [part.without_lower() for part in parts if part is not None]
        return functools.reduce(Interval.__add__, known) if len(known) == len(parts) else None
    return None


def compose(left: Operator, right: Operator) -> Operator:
    """left @ right, linear where both are."""
    if isinstance(left, LinearOperator) and isinstance(right, LinearOperator):
        return algebra.compose(left, right)
    return NonlinearComposition(left, right)


def add(left: Operator, right: Operator) -> Operator:
    """left + right, linear where both are."""
    if isinstance(left, LinearOperator) and isinstance(right, LinearOperator):
        return algebra.Sum((left, right))
    return NonlinearSum((left, right))


def scale(factor: float | complex | Tensor, operator: Operator) -> Operator:
    """factor * operator, linear where it is."""
    if isinstance(operator, LinearOperator):
        return algebra.Scaled(factor, operator)
    return NonlinearScaled(factor, operator)
