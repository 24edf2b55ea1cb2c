"""What is known of the factors of a fixed-point map, as premises with the theorems about each factor below them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ....claims import ASSUMED
from ....derivations.sectors import Sector, averaged_one, strongest
from ....solvers.factors import (
    DenoisingGradientStep,
    DouglasRachfordStep,
    Factor,
    GradientStep,
    ProximalStep,
    StatedFactor,
)
from ....solvers.fixed_point import FixedPointProblem
from ...node import Node
from ...rule import Premise, Setting
from .._numbers import at_most
from .gradient_step import GRADIENT_STEP_AVERAGED
from .proximal_map import PROXIMAL_MAP_FIRMLY_NONEXPANSIVE

#: Names and conditions on a sector that a factor may have to fulfil.
Wanted = tuple[str, Callable[[Sector], bool]]
AVERAGED: Wanted = ("averaged", lambda one: one.alpha is not None)
NONEXPANSIVE: Wanted = ("nonexpansive", lambda one: one.nonexpansive)
FIRM: Wanted = ("firmly nonexpansive", lambda one: one.firmly_nonexpansive)

_HELPING = ("firmly_nonexpansive", "averaged", "nonexpansive", "lipschitz")

REMEDY = "use a denoiser that claims to be {wanted}, or a step size in range"


def problem_of(setting: Setting) -> FixedPointProblem:
    """The problem that is solved, or that is looked at alone."""
    found = setting.problem if setting.problem is not None else setting.subject
    assert isinstance(found, FixedPointProblem)
    return found


def factor_premise(factor: Factor, wanted: Wanted = AVERAGED) -> Premise:
    """A factor is averaged, or what else is wanted of it, with its number and what that rests on."""
    name, fulfils = wanted
    known = factor.sectors()
    best = averaged_one(one for one in known if fulfils(one))
    return Premise(
        statement=f"{factor.what}: {name}",
        holds=best is not None,
        basis=ASSUMED if best is None else best.basis,
        value=_largest(factor) if best is None else best.alpha,
        bound=1.0 if known else None,
        how=_how(factor),
        remedy=REMEDY.format(wanted=name),
        children=parts_of(factor),
    )


def parts_of(factor: Factor) -> tuple[Node, ...]:
    """The theorem about a factor, or the factors that it is made of."""
    setting = Setting(subject=factor)
    if type(factor) is GradientStep:
        return (GRADIENT_STEP_AVERAGED.apply(setting),)
    if type(factor) is ProximalStep:
        return (PROXIMAL_MAP_FIRMLY_NONEXPANSIVE.apply(setting),)
    if type(factor) is DouglasRachfordStep:
        return tuple(factor_premise(part, FIRM).as_node() for part in (factor.first, factor.second))
    if type(factor) is DenoisingGradientStep:
        return (factor_premise(factor.denoiser, NONEXPANSIVE).as_node(),)
    return ()


def without_failing_parts(premise: Premise) -> Premise:
    """The premise without what did not hold: it was one way to a conclusion that another way led to."""
    return replace(premise, children=tuple(child for child in premise.children if child.holds))


def _largest(factor: Factor) -> float | None:
    best = strongest(factor.sectors())
    return None if best is None else best.lipschitz


def _how(factor: Factor) -> str:
    best = strongest(factor.sectors())
    if best is None:
        return "nothing that helps is claimed"
    if isinstance(factor, StatedFactor):
        helping = [claim for claim in factor.stated if claim.property in _HELPING]
        return "; ".join(f"{claim}; {claim.evidence}" if claim.evidence else str(claim) for claim in helping)
    return f"Lipschitz with {at_most(best.lipschitz)}"
