"""That a fixed point exists, where it is known."""

from __future__ import annotations

from ....claims import ASSUMED, find_claim
from ....derivations.sectors import contraction, strongest
from ....solvers.fixed_point import Existence, FixedPointProblem
from ...existence import has_minimiser
from ...rule import Hypothesis, Premise
from .._numbers import at_most
from ._factors import problem_of


def fixed_point_exists(problem: FixedPointProblem) -> Premise:
    """T has a fixed point: by the strongest reason that is known, and assumed if there is none."""
    reasons = _reasons(problem)
    best = max(reasons, key=lambda reason: reason.basis, default=None)
    known = best is not None and best.basis > ASSUMED
    return Premise(
        statement="T has a fixed point",
        holds=True,
        basis=ASSUMED if best is None else best.basis,
        how=f"{best.how}; {best.source}" if best is not None else "assumed",
        remedy="" if known else "bound the range of the denoiser (ClippedDenoiser), or use one that is a proximal map",
    )


def _reasons(problem: FixedPointProblem) -> list[Existence]:
    known = problem.sectors()
    found = list(problem.existence)
    one = contraction(known)
    if one is not None:
        how = f"T is a contraction, Lipschitz with {at_most(one.lipschitz)}"
        found.append(Existence(how=how, basis=one.basis, source="Banach (1922)"))
    if problem.minimised is not None:
        premise = has_minimiser(problem.minimised)
        if premise.basis > ASSUMED:
            how = f"it is a minimiser of f + R/tau, and one exists ({premise.how})"
            found.append(Existence(how=how, basis=premise.basis, source="Bauschke, Combettes (2011), Corollary 27.3"))
    bounded = find_claim(problem.factors[-1].claims(), "bounded_range") if problem.factors else None
    continuous = strongest(known)
    if bounded is not None and continuous is not None:
        how = f"T is continuous and its range bounded, radius {at_most(bounded.params['radius'])}"
        found.append(Existence(how=how, basis=min(bounded.basis, continuous.basis), source="Brouwer (1911)"))
    return found


HAS_FIXED_POINT = Hypothesis(
    statement="T has a fixed point",
    concerns=("existence",),
    evaluate=lambda setting: fixed_point_exists(problem_of(setting)),
)
