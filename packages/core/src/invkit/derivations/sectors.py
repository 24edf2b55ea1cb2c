"""Maps: how far apart T(x) and T(z) may be, given x and z, and what follows for what is made of such maps.

T lies in the sector [low, high] if, for all x and z, with e = x - z and d = T(x) - T(z),

    Re <d - low e, high e - d> >= 0, the same as |d - c e| <= r |e| with c = (low + high) / 2, r = (high - low) / 2.

    Lipschitz with L          [-L, L]            averaged with alpha                      [1 - 2 alpha, 1]
    nonexpansive              [-1, 1]            firmly nonexpansive                      [0, 1]
    a multiple c id           [c, c]             gradient of f, L-smooth, m-convex        [m, L]

Sums add the ends, multiples multiply them. All this is done with fractions, without rounding; where a number becomes a
float it is rounded outwards, so that no claim is stronger than what was proved.

Source: Giselsson, Moursi (2021), On compositions of special cases of Lipschitz continuous operators, Definition 3.1
(T = c id + r N with a nonexpansive N); as discs in the plane: Ryu, Hannah, Yin (2022), Scaled relative graphs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..claims import BY_CONSTRUCTION, Basis, Claim

#: Several sectors that hold of one map; none says that nothing is known.
Sectors = tuple["Sector", ...]
Number = float | Fraction

#: So many sectors of one map are kept; to drop one is to know less, never something wrong.
_KEPT = 6


@dataclass(frozen=True)
class Sector:
    """T lies in [low, high], and how strongly that is known."""

    low: Fraction
    high: Fraction
    basis: Basis = BY_CONSTRUCTION

    @property
    def constant(self) -> Fraction:
        """The Lipschitz constant: the end that is farther from zero."""
        return max(abs(self.low), abs(self.high))

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant, rounded up."""
        return rounded_up(self.constant)

    @property
    def nonexpansive(self) -> bool:
        return self.constant <= 1

    @property
    def exact_alpha(self) -> Fraction:
        """The smallest alpha with [low, high] inside [1 - 2 alpha, 1], for a nonexpansive map; 0 for the identity."""
        return (1 - self.low) / 2

    @property
    def alpha(self) -> float | None:
        """How averaged T is, rounded up; None if that is not below 1."""
        if not self.nonexpansive:
            return None
        alpha = rounded_up(self.exact_alpha)
        return alpha if alpha < 1 else None

    @property
    def firmly_nonexpansive(self) -> bool:
        return self.low >= 0 and self.high <= 1

    def contains(self, other: Sector) -> bool:
        return self.low <= other.low and other.high <= self.high


def rounded_up(number: Fraction) -> float:
    """The smallest float that is not below the number; inf if it is too large for one."""
    try:
        near = float(number)
    except OverflowError:
        return math.inf
    return near if Fraction(near) >= number else math.nextafter(near, math.inf)


def sector(low: Number, high: Number, basis: Basis = BY_CONSTRUCTION) -> Sectors:
    """[low, high]; nothing if an end is not finite or they are not in order."""
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        return ()
    return (Sector(Fraction(low), Fraction(high), basis),)


def identity() -> Sectors:
    return sector(1, 1)


def lipschitz(constant: Number, basis: Basis = BY_CONSTRUCTION) -> Sectors:
    """[-constant, constant]."""
    return sector(-constant, constant, basis)


def gradient(modulus: float | None, constant: Number, basis: Basis = BY_CONSTRUCTION) -> Sectors:
    """The gradient of f with constant L, where f - (m/2)|.|^2 is convex: [m, L]; [-L, L] if m is None.

    Source: Nesterov (2018), Theorem 2.1.12; for m = 0 Baillon, Haddad (1977).
    """
    return lipschitz(constant, basis) if modulus is None else sector(min(modulus, constant), constant, basis)


def proximal(tau: Number, modulus: Number, constant: Number | None, basis: Basis = BY_CONSTRUCTION) -> Sectors:
    """prox of tau f for a convex f with f - (m/2)|.|^2 convex: [0, 1/(1 + tau m)]; from 1/(1 + tau L) if it is smooth.

    Source: Moreau (1965); Bauschke, Combettes (2011), Proposition 23.11; with both ends: Giselsson, Boyd (2017).
    """
    if modulus < 0 or not tau >= 0 or not math.isfinite(tau):
        return ()
    low = (
        Fraction(0) if constant is None or not math.isfinite(constant) else 1 / (1 + Fraction(tau) * Fraction(constant))
    )
    high = 1 / (1 + Fraction(tau) * Fraction(modulus))
    return sector(min(low, high), high, basis)


def of_claims(claims: Iterable[Claim]) -> Sectors:
    """The sectors that claims amount to."""
    found: list[Sector] = []
    for claim in claims:
        if claim.property == "lipschitz":
            found += lipschitz(claim.params["constant"], claim.basis)
        elif claim.property == "nonexpansive":
            found += lipschitz(1, claim.basis)
        elif claim.property == "averaged":
            found += sector(1 - 2 * Fraction(claim.params["alpha"]), 1, claim.basis)
        elif claim.property == "firmly_nonexpansive":
            found += sector(0, 1, claim.basis)
    return pruned(found)


def scaled(factor: Number, known: Sectors) -> Sectors:
    """c T: the ends times c."""
    c = Fraction(factor)
    return tuple(replace(s, low=min(c * s.low, c * s.high), high=max(c * s.low, c * s.high)) for s in known)


def total(*parts: Sectors) -> Sectors:
    """T_1 + ... + T_m: the sums of the ends, because |d - c e| <= r |e| adds up."""
    return functools.reduce(lambda a, b: _pairs(a, b, _sum), parts)


def composed(*parts: Sectors) -> Sectors:
    """T_m o ... o T_1, in any order: a multiple of averaged maps each, composed with the sharp constant.

    T in [c - r, c + r] with c >= 0 is (c + r) times an alpha-averaged map, alpha = r / (c + r); with c < 0, minus such
    a one. A multiple may be drawn through an averaged map, x -> A(s x) / s being as averaged as A.
    Source: Combettes, Yamada (2015), Proposition 2.5.
    """
    return functools.reduce(lambda a, b: _pairs(a, b, _composition), parts)


def relaxed(relaxation: Number, known: Sectors) -> Sectors:
    """(1 - t) id + t T."""
    return total(scaled(1 - Fraction(relaxation), identity()), scaled(relaxation, known))


def residual(gamma: Number, known: Sectors) -> Sectors:
    """id - gamma T: for an alpha-averaged T Lipschitz with |1 - gamma (1 - alpha)| + gamma alpha."""
    return total(identity(), scaled(-Fraction(gamma), known))


def reflected(known: Sectors) -> Sectors:
    """2 T - id."""
    return total(scaled(2, known), scaled(-1, identity()))


def douglas_rachford(first: Sectors, second: Sectors) -> Sectors:
    """v -> v + T_2(2 T_1 v - v) - T_1 v = (v + (2 T_2 - id)(2 T_1 - id) v) / 2.

    Source: Lions, Mercier (1979); the rates that follow are those of Giselsson, Boyd (2017), Theorem 1.
    """
    half = Fraction(1, 2)
    return relaxed(half, composed(reflected(first), reflected(second)))


def combined(weights: Sequence[Number], parts: Sequence[Sectors]) -> Sectors:
    """sum_i w_i T_i."""
    return total(*(scaled(weight, part) for weight, part in zip(weights, parts, strict=True)))


def composed_averagedness(alphas: Sequence[float]) -> float:
    """alpha of a composition of alpha_i-averaged maps: 1 / (1 + 1 / sum_i alpha_i / (1 - alpha_i)), rounded up.

    1 if one is 1, a map that is only nonexpansive.   Source: Combettes, Yamada (2015), Proposition 2.5; it is sharp.
    """
    return rounded_up(_composed_alpha([Fraction(alpha) for alpha in alphas]))


def theorem_3_2_4(alphas: Sequence[float]) -> float:
    """m / (m - 1 + min_i 1 / alpha_i): another alpha of the same composition, equal or larger; rounded up.

    Source: dissertation, Theorem 3.2.4, which is Bauschke, Combettes (2011), Proposition 4.32.
    """
    m = len(alphas)
    return rounded_up(m / (m - 1 + 1 / max(Fraction(alpha) for alpha in alphas)))


def strongest(known: Iterable[Sector]) -> Sector | None:
    """That of the strongest basis, and of those the one with the smallest constant, then the most averaged."""
    return min(known, key=lambda s: (-s.basis, s.constant, -s.low), default=None)


def averaged_one(known: Iterable[Sector]) -> Sector | None:
    """Of the nonexpansive ones that of the strongest basis, and of those the most averaged; None if there is none."""
    return min((s for s in known if s.nonexpansive), key=lambda s: (-s.basis, -s.low), default=None)


def contraction(known: Iterable[Sector]) -> Sector | None:
    """Of those whose constant, rounded up, is below 1 the one of the strongest basis, then the smallest constant."""
    return strongest(s for s in known if s.lipschitz < 1)


def claims_of(known: Sectors, *, evidence: str = "", source: str = "") -> tuple[Claim, ...]:
    """What sectors amount to: ``lipschitz``, ``nonexpansive``, ``averaged``, ``firmly_nonexpansive``."""
    found: list[tuple[str, dict[str, float], Sector | None]] = []
    best = strongest(s for s in known if math.isfinite(s.lipschitz))
    if best is not None:
        found.append(("lipschitz", {"constant": best.lipschitz}, best))
    best = averaged_one(known)
    found.append(("nonexpansive", {}, best))
    best = averaged_one(s for s in known if s.alpha is not None and s.alpha > 0)
    found.append(("averaged", {} if best is None else {"alpha": best.alpha or 0.5}, best))
    found.append(("firmly_nonexpansive", {}, averaged_one(s for s in known if s.firmly_nonexpansive)))
    return tuple(
        Claim(property=name, params=params, basis=one.basis, evidence=evidence, source=source)
        for name, params, one in found
        if one is not None
    )


def pruned(known: Iterable[Sector]) -> Sectors:
    """Without those that say no more than another of the same or a stronger basis."""
    kept: list[Sector] = []
    for one in sorted(dict.fromkeys(known), key=lambda s: (-s.basis, s.high - s.low)):
        if not any(one.contains(other) for other in kept):
            kept.append(one)
    return tuple(kept[:_KEPT])


def _sum(a: Sector, b: Sector) -> tuple[Fraction, Fraction]:
    return a.low + b.low, a.high + b.high


def _composition(a: Sector, b: Sector) -> tuple[Fraction, Fraction]:
    factor, alphas = Fraction(1), []
    for one in (a, b):
        centre, radius = (one.low + one.high) / 2, (one.high - one.low) / 2
        size = abs(centre) + radius
        if not size:
            return Fraction(0), Fraction(0)  # a constant map
        factor *= size if centre >= 0 else -size
        alphas.append(radius / size)
    far = factor * (1 - 2 * _composed_alpha(alphas))
    return min(far, factor), max(far, factor)


def _composed_alpha(alphas: Sequence[Fraction]) -> Fraction:
    if max(alphas) >= 1:
        return Fraction(1)
    odds = sum((alpha / (1 - alpha) for alpha in alphas), Fraction(0))
    return odds / (1 + odds)


def _pairs(a: Sectors, b: Sectors, ends: Callable[[Sector, Sector], tuple[Fraction, Fraction]]) -> Sectors:
    return pruned([Sector(*ends(s, t), min(s.basis, t.basis)) for s in a for t in b])
