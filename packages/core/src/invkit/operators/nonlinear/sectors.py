"""How far apart F(x) and F(z) may be for an operator F, from what its parts are: norms, slopes, stated claims."""

from __future__ import annotations

import abc
from dataclasses import replace
from fractions import Fraction

from ...claims import Basis, Claim
from ...derivations import sectors
from ...derivations.derivation import Derivation
from ...derivations.sectors import Sectors
from ...errors import ConfigError
from .. import algebra
from ..base import LinearOperator, Operator
from ..identity import Identity
from ..moving import basis_of
from .algebra import NonlinearComposition, NonlinearScaled, NonlinearSum


class HasSector(Operator):
    """An operator between equal spaces that knows its sector, such as a function with bounded slopes."""

    @abc.abstractmethod
    def _sector(self) -> tuple[Fraction, Fraction]:
        """low <= high with Re <d - low e, high e - d> >= 0 for d = F(x) - F(z), e = x - z, whatever x and z."""


def sectors_of(operator: Operator) -> Sectors:
    """The sectors that are known of an operator; none where nothing is known.

    They are no stronger than its class and those of its parts state. Between different spaces they are symmetric about
    zero: only the Lipschitz constant means something.
    """
    basis = basis_of(operator)
    found = tuple(replace(one, basis=min(one.basis, basis)) for one in _found(operator))
    if operator.domain == operator.codomain:
        return found
    return sectors.pruned(part for one in found for part in sectors.lipschitz(one.constant, one.basis))


def sector_claims(operator: Operator, *derivations: Derivation) -> tuple[Claim, ...]:
    """What the sectors of an operator amount to, each claim with the derivation of its property."""
    found, square = [], operator.domain == operator.codomain
    for claim in sectors.claims_of(sectors_of(operator)):
        if not square and claim.property not in ("lipschitz", "nonexpansive"):
            continue  # to be averaged is said of maps from a space to itself
        about = [one for one in derivations if one.property == claim.property] or derivations[:1]
        how, source = "; ".join(one.statement for one in about), "; ".join(one.source for one in about)
        found.append(replace(claim, evidence=how, source=source))
    return tuple(found)


def _found(operator: Operator) -> Sectors:
    if isinstance(operator, LinearOperator):
        return _linear(operator)
    if isinstance(operator, HasSector):
        return sectors.sector(*operator._sector())
    if isinstance(operator, NonlinearScaled):
        return _multiple(operator.factor, sectors_of(operator.operator))
    if isinstance(operator, NonlinearSum):
        return sectors.total(*(sectors_of(term) for term in operator.terms))
    if isinstance(operator, NonlinearComposition):
        return sectors.composed(sectors_of(operator.right), sectors_of(operator.left))
    return sectors.of_claims(operator.claims())


def _linear(operator: LinearOperator) -> Sectors:
    if type(operator) is Identity:
        return sectors.identity()
    found = _by_norm(operator)
    if type(operator) is algebra.Scaled:
        found += _multiple(operator.factor, sectors_of(operator.operator))
    elif type(operator) is algebra.Sum:
        found += sectors.total(*(sectors_of(term) for term in operator.terms))
    elif type(operator) is algebra.Composition:
        found += sectors.composed(sectors_of(operator.right), sectors_of(operator.left))
    return sectors.pruned(found)


def _by_norm(operator: LinearOperator) -> Sectors:
    structure = operator.structure
    if structure & {"isometric", "unitary"}:
        bound, basis = 1.0, Basis.BY_CONSTRUCTION
    else:
        try:
            norm = operator.norm()
        except ConfigError:  # nothing is known, as of a linearisation
            return ()
        bound, basis = norm.upper, norm.basis
    return sectors.sector(0 if "positive_semidefinite" in structure else -bound, bound, basis)


def _multiple(factor: object, known: Sectors) -> Sectors:
    """c F; a complex c turns the sector away from the real line, and only its size is kept."""
    c = algebra.number(factor)  # type: ignore[arg-type]
    if not c.imag:
        return sectors.scaled(c.real, known)
    size = abs(c) * (1 + 1e-15) if c.real else abs(c.imag)
    return tuple(part for one in known for part in sectors.lipschitz(Fraction(size) * one.constant, one.basis))
