"""The duality gap as a bound of the error of an iterate."""

from __future__ import annotations

import torch

from ....claims import BY_CONSTRUCTION
from ....functionals.base import Proximable, as_float
from ....functionals.indicators import Ball, Box
from ....solvers.primal_dual.accelerated_pdhg import AcceleratedPDHG, LinearRatePDHG
from ....solvers.primal_dual.adaptive_pdhg import AdaptivePDHG
from ....solvers.primal_dual.pdhg import PDHG
from ....solvers.primal_dual.preconditioned_pdhg import PreconditionedPDHG
from ...hypotheses import EXACT_ADJOINTS, HAS_MINIMISER, saddle_problem
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ._numbers import SLACK, not_below


def _exact_conjugates(setting: Setting) -> Premise:
    problem = saddle_problem(setting)
    g = problem.proximable
    premise = Premise(
        statement="every conjugate is exact",
        holds=True,
        basis=BY_CONSTRUCTION,
        how="those of the f_i and of g, in closed form",
    )
    return resting_on(premise, *(f for f, _ in problem.blocks), *problem.conjugates, g, g.conjugate)


def _finite_dual(setting: Setting) -> Premise:
    """g* is finite everywhere if g is strongly convex or lives on a bounded set."""
    g = saddle_problem(setting).proximable
    modulus = g.convexity() or 0.0
    premise = Premise(
        statement="g* is finite everywhere",
        holds=modulus > 0 or _is_bounded(g),
        basis=BY_CONSTRUCTION,
        value=modulus,
        how="the modulus of g" if modulus > 0 or not _is_bounded(g) else "g is the indicator of a bounded set",
        remedy="add a square of the image such as 1e-3 * SquaredL2(), or a box with two ends: the gap may be infinite",
    )
    return resting_on(premise, g)


def _is_bounded(g: Proximable) -> bool:
    if type(g) is Box:
        ends = [torch.as_tensor(end, dtype=torch.float64) for end in (g.low, g.high)]
        return all(bool(torch.isfinite(end).all()) for end in ends)
    return type(g) is Ball and as_float(g.radius) >= 0


def _conclusion(setting: Setting) -> Conclusion:
    modulus = max(setting.objective.convexity() or 0.0, 0.0)
    distance = f", and |x_k - x*|^2 is at most {not_below(2 / modulus * (1 + SLACK))} times it" if modulus else ""
    return Conclusion(
        statement=f"duality_gap(problem, state) bounds P(x_k) - min P at every step{distance}",
        params={"what": "the objective"},
        value=2 / modulus * (1 + SLACK) if modulus else None,
        how="2 / modulus of P" if modulus else "",
        part="every iterate",
    )


DUALITY_GAP_BOUND = Rule(
    name="duality-gap-bound",
    statement="the duality gap bounds how far the objective is from its minimum, at every step",
    formula="P(x) - min P <= P(x) - D(y) for every x and y, D(y) = - sum_i f_i*(y_i) - g*(- sum_i K_i* y_i), and "
    "|x - x*|^2 <= (2 / m) (P(x) - D(y)) if P is strongly convex with modulus m",
    source="weak duality: Rockafellar (1970), Convex Analysis, section 31; Nesterov (2018), Lectures on Convex "
    "Optimization, section 2.1.3, for the distance",
    about=solved_by(PDHG, AdaptivePDHG, PreconditionedPDHG, AcceleratedPDHG, LinearRatePDHG),
    premises=(
        Hypothesis(statement="every conjugate is exact", concerns=("prox", "form"), evaluate=_exact_conjugates),
        Hypothesis(statement="g* is finite everywhere", concerns=("strongly_convex", "form"), evaluate=_finite_dual),
        EXACT_ADJOINTS,
        HAS_MINIMISER,
    ),
    concludes="error_bounded",
    conclude=_conclusion,
    further=True,
)
