"""A functional of some of the unknowns, with its proximal map: the others stay where they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from ..derivations import functionals as rules
from ..derivations import symmetry
from ..derivations.symmetry import Action
from ..operators.restriction import Restriction
from ..operators.space import Space
from .base import Proximable


@dataclass(frozen=True, eq=False, repr=False)
class OnPart(Proximable):
    """u -> g(R u); prox(v, tau) = v + R* (prox_g(R v, tau) - R v), because R R* = id.

    Source: Beck (2017), Theorem 6.15.
    """

    functional: Proximable
    restriction: Restriction
    derivations = (rules.PART_CONVEX, rules.PART_PROX, symmetry.COMPOSITION_INVARIANT)

    @property
    def domain(self) -> Space:
        return self.restriction.domain

    def _value(self, u: Tensor) -> Tensor:
        return self.functional.value(self.restriction.forward(u))

    def convexity(self) -> float | None:
        modulus = self.functional.convexity()
        return None if modulus is None else min(modulus, 0.0)  # no curvature in the other unknowns

    def is_invariant(self, action: Action) -> bool:
        carried = self.restriction.carried(action)
        return carried is not None and self.functional.is_invariant(carried)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        part = self.restriction.forward(v)
        # In this order v - R* R v is exactly zero where the part goes, so that the part lies where its prox puts it.
        return (v - self.restriction.adjoint(part)) + self.restriction.adjoint(self.functional._prox(part, tau))

    @property
    def conjugate(self) -> Proximable:
        return OnPartConjugate(self.functional.conjugate, self.restriction)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return OnPartConjugate(self.functional.scaled_conjugate(weight), self.restriction)

    def __repr__(self) -> str:
        return f"{self.functional!r} @ Restriction"


@dataclass(frozen=True, eq=False, repr=False)
class OnPartConjugate(Proximable):
    """z -> g*(R z) where the other numbers of z are zero, else +inf; prox(v, sigma) = R* prox_{g*}(R v, sigma)."""

    functional: Proximable
    restriction: Restriction
    derivations = (rules.CONJUGATE_CONVEX, rules.PART_CONJUGATE_STRONGLY_CONVEX, rules.PART_CONJUGATE_PROX)

    @property
    def domain(self) -> Space:
        return self.restriction.domain

    def _value(self, z: Tensor) -> Tensor:
        part = self.restriction.forward(z)
        others = (z != self.restriction.adjoint(part)).flatten(1).any(1)
        return self.functional.value(part).masked_fill(others, math.inf)

    def convexity(self) -> float | None:
        return self.functional.convexity()

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return self.restriction.adjoint(self.functional._prox(self.restriction.forward(v), tau))

    @property
    def conjugate(self) -> Proximable:
        return OnPart(self.functional.conjugate, self.restriction)
