"""Banach's fixed-point theorem, for iterations with or without relaxation."""

from __future__ import annotations

from ....claims import ASSUMED
from ....derivations.sectors import Sector, Sectors, contraction, relaxed, strongest
from ....solvers.fixed_point import FixedPointProblem, KrasnoselskiiMann
from ...hypotheses import EXACT_ADJOINTS
from ...premises import exact_adjoints
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most
from ._factors import problem_of


def contraction_bound(factor: float, distance: float, k: int) -> float:
    """|x_k - x*| for distance = |x_0 - x*|."""
    return factor**k * distance


def a_posteriori_bound(factor: float, step: float) -> float:
    """|x_k - x*| for step = |x_k - x_{k-1}|."""
    return factor / (1 - factor) * step


def _about(setting: Setting) -> bool:
    alone = setting.solver is None and isinstance(setting.subject, FixedPointProblem)
    return alone or (type(setting.solver) is KrasnoselskiiMann and isinstance(setting.problem, FixedPointProblem))


def _relaxation(setting: Setting) -> float:
    return float(setting.solver.relaxation) if isinstance(setting.solver, KrasnoselskiiMann) else 1.0


def _stepped(setting: Setting) -> Sectors:
    """Of one step, x + t (T(x) - x)."""
    return relaxed(_relaxation(setting), problem_of(setting).sectors())


def _factor(setting: Setting) -> Sector | None:
    return contraction(_stepped(setting))


def _contracts(setting: Setting) -> Premise:
    known = _stepped(setting)
    best, largest = contraction(known), strongest(known)
    shown = best or largest
    factors = [(factor.what, strongest(factor.sectors())) for factor in problem_of(setting).factors]
    parts = "; ".join(f"{what}: {'unknown' if one is None else at_most(one.lipschitz)}" for what, one in factors)
    return Premise(
        statement="the step x + t (T(x) - x) is Lipschitz with a constant q below 1",
        holds=best is not None,
        basis=ASSUMED if best is None else best.basis,
        value=None if shown is None else shown.lipschitz,
        bound=None if shown is None else 1.0,
        how=f"Lipschitz constants: {parts}" if factors else "nothing is known of T",
        remedy="use a strongly convex data fidelity, a denoiser with a constant below 1, or less relaxation",
    )


def _conclusion(setting: Setting) -> Conclusion:
    best = _factor(setting)
    assert best is not None
    q = best.lipschitz
    return Conclusion(
        statement=f"there is exactly one fixed point, and |x_k - x*| <= q^k |x_0 - x*| with q <= {at_most(q)}",
        params={"to": "the fixed point"},
        value=q,
        how="q",
    )


BANACH_FIXED_POINT = Rule(
    name="banach-fixed-point",
    statement="a contraction has exactly one fixed point, and its iteration converges to it linearly",
    formula="|x_k - x*| <= q^k |x_0 - x*|, |x_k - x*| <= q / (1 - q) |x_k - x_{k-1}|",
    source="Banach (1922), Theorem 6",
    about=_about,
    premises=(
        Hypothesis(
            statement="the step x + t (T(x) - x) is Lipschitz with a constant q below 1",
            concerns=("lipschitz",),
            evaluate=_contracts,
        ),
        Hypothesis(
            statement=EXACT_ADJOINTS.statement,
            concerns=EXACT_ADJOINTS.concerns,
            evaluate=lambda setting: exact_adjoints(problem_of(setting).objective),
        ),
    ),
    concludes="convergent",
    conclude=_conclusion,
    further=True,
)
