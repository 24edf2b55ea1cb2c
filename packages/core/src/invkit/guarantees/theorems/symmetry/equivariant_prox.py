"""An invariant functional has an equivariant proximal map."""

from __future__ import annotations

from collections.abc import Iterator

from ....claims import BY_CONSTRUCTION
from ....functionals.norms import SquaredL2
from ... import existence, premises
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from ._regulariser import Regulariser, regulariser_of


def _regulariser(setting: Setting) -> Regulariser:
    found = regulariser_of(setting)
    assert found is not None
    return found


def _invariant(setting: Setting) -> Premise:
    this = _regulariser(setting)
    premise = Premise(
        statement=f"R = {this.functional!r} is invariant under {' and '.join(this.groups) or 'a group of motions'}",
        holds=bool(this.groups),
        basis=this.basis,
        how="" if this.groups else "none is known",
        remedy="take h1 or total_variation(isotropic=False) for reflections and, on square images, quarter turns; "
        "boundary='periodic' for translations; l1 for all permutations",
    )
    return premises.resting_on(premise, this.functional)


def _unitary(setting: Setting) -> Premise:
    return Premise(
        statement="the group acts by unitary maps", holds=True, basis=BY_CONSTRUCTION, how="it permutes the pixels"
    )


def _single_valued(setting: Setting) -> Iterator[Premise]:
    functional = _regulariser(setting).functional
    yield premises.convex(functional, "R")
    yield existence.has_minimiser(functional + SquaredL2())  # of tau R(x) + 0.5 |x - v|^2, whatever v and tau are


def _conclusion(setting: Setting) -> Conclusion:
    group = " + ".join(_regulariser(setting).groups)
    return Conclusion(
        statement=f"prox_R commutes with {group}: the minimiser of tau R(x) + 0.5 |x - v|^2 moves with v",
        params={"group": group},
        part="the proximal map of R",
    )


INVARIANT_FUNCTIONAL_EQUIVARIANT_PROX = Rule(
    name="invariant-functional-equivariant-prox",
    statement="if a functional is invariant under a group, its proximal map is equivariant",
    formula="R(g x) = R(x) for every g implies prox_R(g v, tau) = g prox_R(v, tau)",
    source="dissertation, Proposition 2.4.1",
    about=lambda setting: regulariser_of(setting) is not None,
    premises=(
        Hypothesis(
            statement="R is invariant under a group of motions of the image",
            concerns=("invariant", "group"),
            evaluate=_invariant,
        ),
        Hypothesis(statement="the group acts by unitary maps", concerns=("unitary", "group"), evaluate=_unitary),
        Hypothesis(
            statement="R is convex, lower semi-continuous and finite somewhere, so that prox_R has one value",
            concerns=("convex", "existence"),
            evaluate=_single_valued,
        ),
    ),
    concludes="equivariant",
    conclude=_conclusion,
    further=True,
)
