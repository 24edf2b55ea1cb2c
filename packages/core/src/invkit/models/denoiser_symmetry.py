"""Which groups denoisers commute with: those that leave the R of a proximal map alone, or those of a part."""

from __future__ import annotations

import functools
from dataclasses import replace

from ..claims import ASSUMED, BY_CONSTRUCTION, Basis, Claim
from ..derivations.symmetry import COMPOSITION_EQUIVARIANT, MOTIONS
from ..functionals import regularisers
from ..functionals.base import Functional
from ..operators.moving import basis_of
from .denoiser import Denoiser, known_claims
from .variational import Regulariser

#: Proposition 2.4.1 is about any Hilbert space and unitary representation.
SOURCE = "dissertation, Proposition 2.4.1"


def prox_equivariances(regulariser: Regulariser, probe: Functional) -> tuple[Claim, ...]:
    """Claims of x -> prox_R(x, tau), R = regulariser(space of x) convex with a proximal map in closed form.

    probe: R on some space. A regulariser of the core is the same formula on every space; of another function that is
    assumed, for it may look at the space.
    """
    if probe.domain is not None:
        return ()
    basis = basis_on_every_space(regulariser, probe)
    how = f"the proximal map of {probe!r}, which the group leaves alone"
    return tuple(
        Claim(property="equivariant", params={"group": name}, basis=basis, evidence=how, source=SOURCE)
        for name in probe.invariances()
    )


def basis_on_every_space(regulariser: Regulariser, probe: Functional) -> Basis:
    """How strongly it is known that R is on every space what the probe is on one."""
    return min(basis_of(probe), BY_CONSTRUCTION if is_one_formula(regulariser) else ASSUMED)


def is_one_formula(regulariser: Regulariser) -> bool:
    """Whether it is one of ``invkit.functionals.regularisers``, perhaps with settings."""
    while isinstance(regulariser, functools.partial):
        regulariser = regulariser.func
    return any(regulariser is getattr(regularisers, name) for name in regularisers.__all__)


def passed_on(denoiser: Denoiser) -> tuple[Claim, ...]:
    """Claims of F(x, E(x)) for a pointwise F that is the same for every pixel: the groups that move pixels and E.

    Source: dissertation, Lemma 2.3.1.
    """
    how = f"pointwise in x and {type(denoiser).__name__}(x)"
    return tuple(
        replace(claim, evidence=how, source=COMPOSITION_EQUIVARIANT.source)
        for claim in known_claims(denoiser)
        if claim.property == "equivariant" and claim.params["group"] in MOTIONS
    )
