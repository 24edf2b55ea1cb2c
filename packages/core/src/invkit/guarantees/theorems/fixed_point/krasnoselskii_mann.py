"""The theorem of Krasnosel'skii and Mann."""

from __future__ import annotations

import math
from fractions import Fraction

from ....claims import ASSUMED
from ....derivations.sectors import Sector, averaged_one, rounded_up, strongest
from ....solvers.fixed_point import KrasnoselskiiMann
from ...hypotheses import EXACT_ADJOINTS
from ...node import Node
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import at_most
from ._existence import HAS_FIXED_POINT
from ._factors import factor_premise, parts_of, problem_of, without_failing_parts
from .composition import COMPOSITION_AVERAGED


def relaxation_of(setting: Setting) -> float:
    """The relaxation that the solver uses."""
    assert isinstance(setting.solver, KrasnoselskiiMann)
    return float(setting.solver.relaxation)


def residual_constant(alpha: Fraction, relaxation: float) -> float:
    """c with |T(x_k) - x_k| <= c |x_0 - x*| / sqrt(k + 1), for alpha < 1 / relaxation.

    With S = id + t (T - id), which is (t alpha)-averaged: the sum of |S x_i - x_i|^2 is at most t alpha / (1 - t alpha)
    times |x_0 - x*|^2, and |T x_i - x_i| never grows.
    """
    t = Fraction(relaxation)
    return math.sqrt(rounded_up(alpha / (t * (1 - t * alpha)))) * (1 + 1e-15)


def sector_of(setting: Setting) -> Sector | None:
    """The sector of T to conclude from: one that allows the relaxation, if there is one."""
    known = problem_of(setting).sectors()
    t = Fraction(relaxation_of(setting))
    return averaged_one(one for one in known if t * one.exact_alpha < 1) or averaged_one(known)


def averaged(setting: Setting) -> Premise:
    """T is averaged or nonexpansive, with the theorem about its composition below, or with its factors."""
    problem, best = problem_of(setting), sector_of(setting)
    largest = strongest(problem.sectors())
    premise = Premise(
        statement="T is averaged, or nonexpansive",
        holds=best is not None,
        basis=ASSUMED if best is None else best.basis,
        value=None if largest is None else (best or largest).lipschitz,
        bound=None if largest is None else 1.0,
        how=_how(best) if best is not None else "Lipschitz constant" if largest else "nothing is known of a factor",
        remedy="use a denoiser that claims to be averaged or nonexpansive, and a step size in range",
        children=_about_factors(setting),
    )
    return without_failing_parts(premise) if premise.holds else premise


def _how(best: Sector) -> str:
    alpha = best.alpha
    if alpha is None:
        return "T is only known to be nonexpansive"
    return f"Lipschitz constant; T is {at_most(alpha)}-averaged"


def _about_factors(setting: Setting) -> tuple[Node, ...]:
    problem = problem_of(setting)
    if len(problem.factors) < 2:
        return tuple(node for factor in problem.factors for node in parts_of(factor))
    composed = COMPOSITION_AVERAGED.apply(Setting(subject=problem))
    return (composed,) if composed.holds else tuple(factor_premise(factor).as_node() for factor in problem.factors)


def relaxed(setting: Setting) -> Premise:
    """The relaxation lies in (0, 1/alpha)."""
    best, t = sector_of(setting), relaxation_of(setting)
    alpha = None if best is None else best.exact_alpha
    bound = None if alpha is None else math.inf if not alpha else 1 / rounded_up(alpha)
    return Premise(
        statement="the relaxation lies in (0, 1/alpha)",
        holds=alpha is not None and Fraction(t) * alpha < 1,
        basis=ASSUMED if best is None else best.basis,
        value=t,
        bound=bound,
        how="T is not known to be averaged" if best is None else _how(best).removeprefix("Lipschitz constant; "),
        remedy="lower the relaxation, below 1 for a map that is only nonexpansive",
    )


def _conclusion(setting: Setting) -> Conclusion:
    best = sector_of(setting)
    assert best is not None
    constant = residual_constant(best.exact_alpha, relaxation_of(setting))
    return Conclusion(
        statement="the iterates converge to a fixed point, and |T(x_k) - x_k| <= "
        f"{at_most(constant)} |x_0 - x*| / sqrt(k + 1)",
        params={"to": "a fixed point"},
        value=rounded_up(best.exact_alpha),
        how="alpha of T" if best.alpha is not None else "T nonexpansive, relaxed",
    )


KRASNOSELSKII_MANN = Rule(
    name="krasnoselskii-mann",
    statement="fixed-point iteration of an averaged map converges to a fixed point",
    formula="x_k -> x* = T(x*); |T(x_k) - x_k|^2 <= alpha |x_0 - x*|^2 / (t (1 - t alpha) (k + 1)), t the relaxation",
    source="Bauschke, Combettes (2011), Theorem 5.14 and Proposition 5.15",
    about=solved_by(KrasnoselskiiMann),
    premises=(
        Hypothesis(
            statement="T is averaged, or nonexpansive",
            concerns=("averaged", "nonexpansive", "lipschitz"),
            evaluate=averaged,
        ),
        Hypothesis(
            statement="the relaxation lies in (0, 1/alpha)", concerns=("parameter", "averaged"), evaluate=relaxed
        ),
        EXACT_ADJOINTS,
        HAS_FIXED_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
