"""The maps that a fixed-point map is composed of, and what is known of each: stated, or derived from its parts."""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import final

from ..claims import Claim, find_claim
from ..derivations import sectors
from ..derivations.sectors import Sectors
from ..functionals.base import Differentiable, Proximable
from ..operators.moving import basis_of, basis_of_class


@dataclass(frozen=True, eq=False)
class Factor(abc.ABC):
    """A map from images to images.

    what: the map in words and its formula.
    """

    what: str

    @abc.abstractmethod
    def _sectors(self) -> Sectors: ...

    @final
    def sectors(self) -> Sectors:
        """How far apart T(x) and T(z) may be, no stronger than its class states; none if nothing is known."""
        basis = basis_of_class(type(self))
        return tuple(replace(one, basis=min(one.basis, basis)) for one in self._sectors())

    def claims(self) -> tuple[Claim, ...]:
        """What that amounts to, and what else is known of it."""
        return sectors.claims_of(self.sectors(), evidence=self.what)


@dataclass(frozen=True, eq=False)
class StatedFactor(Factor):
    """A map of which is known what somebody states: a denoiser, a network.

    stated: ``averaged``, ``firmly_nonexpansive``, ``nonexpansive``, ``lipschitz``, and ``bounded_range``.
    """

    stated: tuple[Claim, ...] = ()

    def _sectors(self) -> Sectors:
        return sectors.of_claims(self.stated)

    def claims(self) -> tuple[Claim, ...]:
        basis = basis_of_class(type(self))
        return tuple(replace(claim, basis=min(claim.basis, basis)) for claim in self.stated)


@dataclass(frozen=True, eq=False)
class GradientStep(Factor):
    """x -> x - step_size gradient f(x).

    For f with an L-Lipschitz gradient and f - (m/2)|.|^2 convex it lies in [1 - tau L, 1 - tau m].
    """

    functional: Differentiable
    step_size: float

    def _sectors(self) -> Sectors:
        return sectors.residual(self.step_size, gradient_sectors(self.functional))


@dataclass(frozen=True, eq=False)
class ProximalStep(Factor):
    """v -> argmin_x f(x) + |x - v|^2 / (2 step_size), for a convex f; nothing is known for another.

    exact: whether the proximal map that is used is the functional's own, so that it must claim to be one; False where
        the minimiser is computed in another way.
    """

    functional: Proximable | Differentiable
    step_size: float
    exact: bool = True

    def _sectors(self) -> Sectors:
        return proximal_sectors(self.functional, self.step_size, exact=self.exact)


@dataclass(frozen=True, eq=False)
class DouglasRachfordStep(Factor):
    """v -> v + S(2 T v - v) - T v, half of id + (2 S - id)(2 T - id)."""

    first: Factor
    second: Factor

    def _sectors(self) -> Sectors:
        return sectors.douglas_rachford(self.first.sectors(), self.second.sectors())


@dataclass(frozen=True, eq=False)
class DenoisingGradientStep(Factor):
    """x -> x - tau (gradient f(x) + weight (x - D(x)))."""

    functional: Differentiable
    step_size: float
    weight: float
    denoiser: Factor

    def _sectors(self) -> Sectors:
        removed = sectors.scaled(self.weight, sectors.residual(1, self.denoiser.sectors()))
        if not self.weight:
            removed = sectors.sector(0, 0)  # whatever the denoiser does
        return sectors.residual(self.step_size, sectors.total(gradient_sectors(self.functional), removed))


def gradient_sectors(functional: Differentiable) -> Sectors:
    """[m, L] of a gradient; none if no constant is known."""
    found = functional.smoothness()
    if found is None:
        return ()
    modulus = functional.convexity()
    return sectors.gradient(modulus, found.upper, min(found.basis, basis_of(functional)))


def proximal_sectors(functional: Proximable | Differentiable, tau: float, *, exact: bool = True) -> Sectors:
    """[1 / (1 + tau L), 1 / (1 + tau m)] of the proximal map of a convex functional; none for another."""
    modulus = functional.convexity()
    claim = find_claim(functional.claims(), "prox")
    if modulus is None or modulus < 0 or (exact and claim is None):
        return ()
    basis = min(basis_of(functional), claim.basis) if exact and claim is not None else basis_of(functional)
    found = sectors.proximal(tau, modulus, None, basis)
    smooth = functional.smoothness() if isinstance(functional, Differentiable) else None
    if smooth is not None:
        found += sectors.proximal(tau, modulus, Fraction(smooth.upper), min(basis, smooth.basis))
    return sectors.pruned(found)
